import { transcribe } from '@mynah/core'
import { type Arguments, UsageError } from './arguments.ts'

/** What is said in the recording that a command makes a voice of. */
export const transcriptOptions = {
  transcript: {
    value: 'TEXT',
    short: 't',
    help: 'what is said in the recording (default: its sounds, which the model hears itself and is less sure of)',
  },
  transcribe: { help: 'let Whisper write the transcript; needs the package @huggingface/transformers' },
} as const

/** @throws {UsageError} if both are given */
export function checkTranscript(args: Arguments): void {
  if (args.flag('transcribe') && args.text('transcript') !== undefined)
    throw new UsageError('--transcript and --transcribe exclude each other: both say what the recording says')
}

/** The transcript of a recording, or undefined where the model is to hear it itself. @throws as `transcribe` does */
export function readTranscript(args: Arguments, audio: string): Promise<string | undefined> {
  return args.flag('transcribe') ? transcribe(audio) : Promise.resolve(args.text('transcript'))
}
