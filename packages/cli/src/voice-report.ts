import type { Voice } from '@mynah/core'

/** What a voice is, without its codes. */
export function voiceReport(voice: Voice) {
  const [codebooks, frames] = voice.codes.shape
  const { name, transcript, transcription, codec, consent, licence, phonemes, warnings } = voice
  return { name, transcript, transcription, codec, consent, licence, codebooks, frames, phonemes: phonemes.length, warnings }
}

/** The same for people. @param where the file or name that led to it */
export function describeVoice(where: string, voice: Voice): string[] {
  const { name, transcript, transcription, codec, consent, licence, codebooks, frames, phonemes } = voiceReport(voice)
  const [architecture, sha256 = ''] = codec.split('@')
  return [
    `${where}: voice "${name}", ${frames} frames × ${codebooks} codebooks, ${phonemes} phonemes`,
    `transcript  ${transcript}${transcription === 'given' ? '' : ` (${transcription})`}`,
    `consent     ${consent === '' ? 'not stated' : consent}`,
    `licence     ${licence === '' ? 'not stated' : licence}`,
    `codec       ${architecture} ${sha256.slice(0, 12)}`,
  ]
}
