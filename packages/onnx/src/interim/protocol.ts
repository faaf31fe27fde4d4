import type { OnnxModel } from '../graph/model.ts'
import type { Tensor } from '../tensor.ts'

/** What the host asks of the worker. `id` pairs question and answer. */
export type Request = { readonly id: number } & (
  | { readonly type: 'load'; readonly model: number; readonly onnx: OnnxModel; readonly provider: string; readonly threads: number; readonly feedback: Readonly<Record<string, string>> }
  | { readonly type: 'run'; readonly model: number; readonly feeds: Readonly<Record<string, Tensor>>; readonly fetch?: readonly string[]; readonly state?: number }
  | { readonly type: 'createState'; readonly model: number; readonly state: number; readonly initial: Readonly<Record<string, Tensor>> }
  | { readonly type: 'disposeState'; readonly state: number }
  | { readonly type: 'disposeModel'; readonly model: number }
  | { readonly type: 'probe'; readonly provider: string; readonly onnx: OnnxModel }
  | { readonly type: 'crash' }
)

/** What the worker answers. */
export type Response =
  | { readonly id: number; readonly ok: true; readonly result: Readonly<Record<string, Tensor>> | { inputs: readonly string[]; outputs: readonly string[] } | undefined }
  | { readonly id: number; readonly ok: false; readonly message: string }
