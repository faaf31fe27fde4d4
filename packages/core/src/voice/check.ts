import { VoiceError } from '../errors.ts'
import type { Voice } from './voice.ts'

/**
 * Checks a voice against the models that are to speak with it: a file that was damaged or made by hand can hold anything.
 * @throws {VoiceError} `malformed-voice` for codes that the codec, or phonemes that the phoneme table does not have
 */
export function checkVoice({ name, codes, phonemes }: Voice, models: { readonly codebookSize: number; readonly symbols: number }): void {
  const check = (what: string, values: Int32Array, count: number) => {
    const at = values.findIndex(value => !(value >= 0 && value < count))
    if (at < 0) return
    throw new VoiceError(
      `voice "${name}": ${what} ${at} is ${values[at]}, expected 0 to ${count - 1}; create it again from its recording`,
      {
        code: 'malformed-voice',
      },
    )
  }
  check('code', codes.data, models.codebookSize)
  check('phoneme', phonemes, models.symbols)
}
