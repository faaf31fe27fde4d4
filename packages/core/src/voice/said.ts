import type { HeardWord } from '@mynah/lm'
import type { PromptAligner } from '../contracts.ts'
import { VoiceError } from '../errors.ts'
import type { FrontEnd, Utterance } from '../front-end.ts'
import { startsOf } from '../word-times.ts'
import { maxPromptSeconds, minPromptSeconds } from './prompt.ts'
import type { Transcription } from './voice.ts'

/** What is said in a prompt, and when. */
export interface Said {
  /** float32 [S], whole frames: the prompt, up to the end of a word where it was too long or ended within one. */
  readonly samples: Float32Array
  /** Phoneme ids [P]. */
  readonly phonemes: Int32Array
  /** Frames per phoneme [P]; empty where there is no aligner. */
  readonly durations: Int32Array
  readonly transcript: string
  readonly transcription: Transcription
  readonly warnings: readonly string[]
}

/** How the prompts of a bundle are heard. */
export interface Hearing {
  readonly aligner: PromptAligner
  readonly frontEnd: Pick<FrontEnd, 'toIpa'>
  /** Hz. */
  readonly sampleRate: number
  readonly samplesPerFrame: number
}

/** A transcript, and its phonemes. */
export interface Transcript extends Pick<Utterance, 'phonemes' | 'words'> {
  readonly text: string
}

/**
 * How well a transcript has to agree with what is spoken, or they do not belong together. Of 174 clean recordings the right transcripts had 0.55 and more, by telephone 0.15;
 * those of other sentences less than 0.12, but for seven: docs/decisions/2026-11-29-prompts-without-transcript.md.
 */
const matching = 0.12
/** What is heard less surely is hardly more than a guess: 20 of 36 recordings with noise 10 dB below their speech, one of 174 clean ones. */
const certainHeard = 0.59
/** The same for the words of a transcript, which nobody says quite as they are written. */
const certainGiven = 0.4
/** A cropped prompt ends after a word with punctuation where there is one in the second half, so that its intonation is complete. */
const preferredPart = 0.5
/** Speech that lasts until the last frames ends within a word; trimming leaves 0.1 s of silence behind every other. */
const endingFrames = 2
/** Corrections that are quoted. */
const quotedCorrections = 6
const quotedWords = 8

/** A word in what is said: of the transcript, or between slashes the IPA of what was heard. */
interface SaidWord extends HeardWord {
  readonly text: string
}

/**
 * Finds out what is said in a prompt, and when: the words of the transcript, less those that are not in the recording, and with those that it lacks as phonemes; all of it as
 * phonemes where there is no transcript.
 * @param prompt float32 [S]; of more than 15 s, the beginning is used
 * @throws {VoiceError} `transcript-mismatch` if it is not the transcript of this recording, `prompt-too-long` if no word ends within 15 s
 */
export async function hearPrompt(hearing: Hearing, prompt: Float32Array, transcript: Transcript | undefined): Promise<Said> {
  const { aligner, frontEnd, sampleRate, samplesPerFrame } = hearing
  const longest = Math.floor((maxPromptSeconds * sampleRate) / samplesPerFrame)
  const samples = padded(prompt.subarray(0, longest * samplesPerFrame), samplesPerFrame)
  const heard = await (await aligner.load()).hear(await aligner.features(samples), transcript)
  const whole = {
    ...heard,
    samples,
    words: heard.words.map((word): SaidWord => {
      const text = word.expected === undefined ? undefined : transcript!.words[word.expected]!.text
      return { ...word, text: text ?? `/${frontEnd.toIpa(heard.phonemes.subarray(word.start, word.end))}/` }
    }),
  }
  if (transcript) checkMatch(whole.words)
  const isLong = prompt.length > samples.length
  const crop = isLong
    ? cropLong(whole, samplesPerFrame, longest)
    : cropWithin(whole, samplesPerFrame, (minPromptSeconds * sampleRate) / samplesPerFrame)
  const said = crop ?? whole
  const warnings: string[] = []
  const seconds = (of: Float32Array) => (of.length / sampleRate).toFixed(1)
  if (crop) {
    const why = isLong ? '' : ', since it ends within a word'
    warnings.push(`prompt: ${seconds(prompt)} s were cropped to ${seconds(crop.samples)} s, after "${crop.words.at(-1)!.text}"${why}`)
  }
  const corrections = transcript ? correctionsOf(said.words, transcript.words, crop !== undefined) : []
  warnings.push(...describe(said.words, transcript, corrections))
  const isWhole = transcript && !crop && corrections.length === 0
  return {
    samples: said.samples,
    phonemes: said.phonemes,
    durations: said.durations,
    transcript: isWhole ? transcript.text.trim() : said.words.map(word => word.text).join(' '),
    transcription: !transcript
      ? 'heard'
      : said.words.some(word => word.expected === undefined) || corrections.length > 0
        ? 'corrected'
        : 'given',
    warnings,
  }
}

function padded(samples: Float32Array, samplesPerFrame: number): Float32Array {
  const whole = new Float32Array(Math.ceil(samples.length / samplesPerFrame) * samplesPerFrame)
  whole.set(samples)
  return whole
}

/** @param found what is wrong */
export function mismatch(found: string): VoiceError {
  return new VoiceError(
    `prompt: the transcript does not match the recording: ${found}; write down what is said in it, or leave the transcript out`,
    { code: 'transcript-mismatch' },
  )
}

/** The share of what is spoken that is of the transcript, times the share of its words, between the first and the last that were heard, that were heard, and nothing else. */
function checkMatch(words: readonly SaidWord[]): void {
  const frames = (its: readonly SaidWord[]) => its.reduce((sum, word) => sum + word.frames, 0)
  const kept = words.filter(word => word.expected !== undefined)
  const span = kept.length === 0 ? 0 : kept.at(-1)!.expected! - kept[0]!.expected! + 1
  const agreement = kept.length / Math.max(1, span + words.length - kept.length)
  const match = (agreement * frames(kept)) / Math.max(1, frames(words))
  if (match < matching) throw mismatch(`they agree by ${Math.round(100 * match)} %, expected ${100 * matching} % and more`)
}

/** What is said in some samples. */
interface Piece {
  readonly samples: Float32Array
  readonly phonemes: Int32Array
  readonly durations: Int32Array
  readonly words: readonly SaidWord[]
}

/** The beginning of a prompt up to the end of a word that fits. */
function cropLong(said: Piece, samplesPerFrame: number, maxFrames: number): Piece {
  const pieces = endsOf(said)
  const piece = pieces.findLast(({ punctuated, frames }) => punctuated && frames > preferredPart * maxFrames) ?? pieces.at(-1)
  if (piece) return cut(said, piece, samplesPerFrame)
  throw new VoiceError(`prompt: no word ends within the first ${maxPromptSeconds} s; cut the recording to 3 to ${maxPromptSeconds} s`, {
    code: 'prompt-too-long',
  })
}

/** A prompt without its last word where that is no word of the transcript and the recording ends before it does; undefined where it may stay as it is. */
function cropWithin(said: Piece, samplesPerFrame: number, minFrames: number): Piece | undefined {
  const last = said.words.at(-1)
  if (last?.expected !== undefined || said.durations.at(-1)! > endingFrames) return undefined
  const piece = endsOf(said).at(-1)
  return piece && piece.frames >= minFrames ? cut(said, piece, samplesPerFrame) : undefined
}

/** Where a prompt may be cut: after a word, its punctuation, and half of the pause to the next word. */
function endsOf({ words, durations }: Piece) {
  const starts = startsOf(durations)
  return words.slice(0, -1).map((word, index) => {
    const next = words[index + 1]!
    const punctuated = next.start - word.end > 1 // more than a space
    const frames = Math.ceil((starts[word.end]! + starts[next.start]!) / 2)
    return { words: index + 1, phonemes: punctuated ? next.start - 1 : word.end, punctuated, frames }
  })
}

/** The last phoneme becomes the boundary, 0, and lasts until the end. */
function cut(said: Piece, { words, phonemes: count, frames }: ReturnType<typeof endsOf>[number], samplesPerFrame: number): Piece {
  const phonemes = new Int32Array(count + 1)
  phonemes.set(said.phonemes.subarray(0, count))
  const durations = said.durations.slice(0, count + 1)
  // silence of a pause goes to its comma first, so that a frame is left for the boundary
  const before = durations.subarray(0, count).reduce((sum, each) => sum + each, 0)
  const over = Math.max(0, before + 1 - frames)
  durations[count - 1]! -= Math.min(over, durations[count - 1]! - 1)
  const total = Math.max(frames, before - Math.min(over, durations[count - 1]!) + 1)
  durations[count] = total - durations.subarray(0, count).reduce((sum, each) => sum + each, 0)
  return { samples: said.samples.subarray(0, total * samplesPerFrame), phonemes, durations, words: said.words.slice(0, words) }
}

/** What of the transcript was not heard, and what was heard instead, in words. */
function correctionsOf(said: readonly SaidWord[], expected: Transcript['words'], cropped: boolean): string[] {
  const corrections: string[] = []
  let next = 0
  let extra: string[] = []
  const settle = (until: number, where: string) => {
    const missing = expected.slice(next, until).map(({ text }) => text)
    const quoted = `"${missing.slice(0, quotedWords).join(' ')}${missing.length > quotedWords ? ` … (${missing.length} words)` : ''}"`
    if (extra.length > 0) corrections.push(`${extra.join(' ')} ${missing.length > 0 ? `instead of ${quoted}` : where}`)
    else if (missing.length > 0) corrections.push(`without ${quoted}`)
    extra = []
  }
  for (const word of said) {
    if (word.expected === undefined) extra.push(word.text)
    else {
      settle(word.expected, `before "${word.text}"`)
      next = word.expected + 1
    }
  }
  settle(cropped ? next : expected.length, 'at the end')
  return corrections
}

function describe(words: readonly SaidWord[], transcript: Transcript | undefined, corrections: readonly string[]): string[] {
  const frames = words.reduce((sum, word) => sum + word.frames, 0)
  const certainty = words.reduce((sum, word) => sum + word.certainty * word.frames, 0) / Math.max(1, frames)
  const sure = `${Math.round(100 * certainty)} % sure`
  if (!transcript) {
    const heard = words.map(({ text }) => text.slice(1, -1)).join(' ')
    const advice =
      certainty < certainHeard
        ? 'that is hardly more than a guess: pass the transcript, or record again in a quieter room'
        : 'the transcript makes the voice better'
    return [`prompt: without a transcript, heard /${heard}/, ${sure}; ${advice}`]
  }
  const warnings: string[] = []
  if (corrections.length > 0) {
    const more = corrections.length > quotedCorrections ? `; and ${corrections.length - quotedCorrections} more` : ''
    warnings.push(
      `prompt: the transcript was corrected by what was heard: ${corrections.slice(0, quotedCorrections).join('; ')}${more}; check these words`,
    )
  }
  if (certainty < certainGiven)
    warnings.push(`prompt: the recording is understood badly (${sure}); check every word of the transcript, or record again`)
  return warnings
}
