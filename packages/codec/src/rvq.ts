import { float32Tensor, type Operators, type Tensor, type Value } from '@mynah/onnx'

/**
 * Emits the encoder half: for each codebook the nearest codeword (arg max of 2·r·e − |e|²; ties go to the first), subtracted before the next.
 * @param latents [T, L]
 * @returns codes int64 [K, T]
 */
export function buildRvqEncoder(graph: Operators, latents: Value, codebook: Tensor<'float32'>): Value {
  const [codebooks, size, dim] = codebook.shape as [number, number, number]
  let residual = latents
  const codes: Value[] = []
  for (let k = 0; k < codebooks; k++) {
    const rows = codebook.data.subarray(k * size * dim, (k + 1) * size * dim)
    const power = new Float32Array(size)
    for (let i = 0; i < rows.length; i++) power[Math.floor(i / dim)]! -= rows[i]! ** 2
    const table = graph.initializer(`codebook.${k}`, float32Tensor(rows.slice(), [size, dim]))
    const score = graph.add(
      graph.mul(graph.matmul(residual, graph.transpose(table, [1, 0])), 2),
      graph.initializer(`power.${k}`, float32Tensor(power, [size])),
    )
    const code = graph.argMax(score, 1) // [T]
    codes.push(graph.unsqueeze(code, [0]))
    if (k + 1 < codebooks) residual = graph.sub(residual, graph.gather(table, code))
  }
  return graph.concat(codes, 0)
}

/**
 * Emits the decoder half: the sum of the codewords, −1 for a codebook that is left out.
 * @param codes int64 [K, T]
 * @param codebook float32 [K, N, L]
 * @returns float32 [1, L, T]
 */
export function emitCodewordSum(graph: Operators, codes: Value, codebook: Tensor<'float32'>): Value {
  const [codebooks, size, dim] = codebook.shape as [number, number, number]
  const words = Array.from({ length: codebooks }, (_, k) => {
    const table = withSilentRow(float32Tensor(codebook.data.subarray(k * size * dim, (k + 1) * size * dim), [size, dim]))
    return graph.gather(graph.initializer(`codewords.${k}`, table), graph.gather(codes, k)) // [T, L]
  })
  const sum = words.reduce((total, word) => graph.add(total, word))
  return graph.unsqueeze(graph.transpose(sum, [1, 0]), [0])
}

/** [N, L] → [N + 1, L]: an index of −1 counts from the end, and takes a row of zeros. */
export function withSilentRow({ data, shape }: Tensor<'float32'>): Tensor<'float32'> {
  const [size, dim] = shape as [number, number]
  const rows = new Float32Array((size + 1) * dim)
  rows.set(data)
  return float32Tensor(rows, [size + 1, dim])
}
