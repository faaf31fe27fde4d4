export interface SpokenWord {
  readonly text: string
  readonly start: number
  readonly end: number
}
export interface Utterance {
  readonly pauseSeconds: number
  readonly phonemes: Int32Array
  readonly words: readonly SpokenWord[]
  readonly warnings: readonly string[]
}
export interface FrontEnd {
  readonly symbols: number
}
export declare function createFrontEnd(manifest: unknown): FrontEnd
