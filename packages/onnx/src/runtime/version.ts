import { createRequire } from 'node:module'

/** Version of the onnxruntime-node that Mynah runs on, such as "1.30.0". */
export function runtimeVersion(): string {
  return createRequire(import.meta.url)('onnxruntime-node/package.json').version
}
