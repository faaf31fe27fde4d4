import { sizeOf, type Tensor } from '@mynah/onnx'
import type { Prompt } from '../../language-model.ts'

/**
 * Checks that phonemes, durations and codes of a prompt agree.
 * @throws {RangeError} saying which do not
 */
export function checkPrompt(prompt: Prompt, codebooks: number, codebookSize: number, symbols: number): void {
  const [found, frames] = prompt.codes.shape
  if (prompt.codes.shape.length !== 2 || found !== codebooks || !frames) {
    throw new RangeError(`prompt: codes are [${prompt.codes.shape.join(', ')}], expected [${codebooks}, T] with T ≥ 1`)
  }
  if (prompt.codes.data.length !== sizeOf(prompt.codes.shape))
    throw new RangeError('prompt: codes hold fewer numbers than their shape says')
  if (!prompt.codes.data.every(code => code >= 0 && code < codebookSize))
    throw new RangeError(`prompt: a code is outside [0, ${codebookSize})`)
  checkPhonemes('prompt', prompt.phonemes, symbols)
  if (prompt.durations.length !== prompt.phonemes.length) {
    throw new RangeError(`prompt: ${prompt.phonemes.length} phonemes, but ${prompt.durations.length} durations`)
  }
  const total = prompt.durations.reduce((sum, duration) => sum + duration, 0)
  if (total !== frames || !prompt.durations.every(duration => duration >= 1)) {
    throw new RangeError(`prompt: durations sum to ${total} frames, codes have ${frames}; every phoneme needs at least one`)
  }
}

/** @throws {RangeError} if there are none, or one is outside the table of `symbols` */
export function checkPhonemes(where: string, phonemes: Int32Array, symbols: number): void {
  if (phonemes.length === 0) throw new RangeError(`${where}: no phonemes; expected at least one`)
  const wrong = phonemes.find(id => id < 0 || id >= symbols)
  if (wrong !== undefined) throw new RangeError(`${where}: phoneme id ${wrong} is outside the model's table of ${symbols} symbols`)
}

/**
 * The beginning of a prompt, whole phonemes up to `frames` frames (at least one phoneme): the models are trained on prompts of a few seconds.
 */
export function cropPrompt(prompt: Prompt, frames: number): Prompt {
  const [codebooks, total] = prompt.codes.shape as [number, number]
  if (total <= frames) return prompt
  let count = 0
  let kept = 0
  while (count === 0 || kept + prompt.durations[count]! <= frames) kept += prompt.durations[count++]!
  const data = new Int32Array(codebooks * kept)
  for (let k = 0; k < codebooks; k++) data.set(prompt.codes.data.subarray(k * total, k * total + kept), k * kept)
  const codes: Tensor<'int32'> = { dtype: 'int32', shape: [codebooks, kept], data }
  return { phonemes: prompt.phonemes.slice(0, count), durations: prompt.durations.slice(0, count), codes }
}
