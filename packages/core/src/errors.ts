import { MynahError } from '@mynah/onnx'

/**
 * A recording cannot become a voice, or a voice cannot be used: record again, correct the transcript, or create the voice anew.
 * Codes: `prompt-silent`, `prompt-too-short`, `prompt-too-long`, `transcript-mismatch`, `malformed-voice`, `unknown-version`, `codec-mismatch`.
 */
export class VoiceError extends MynahError {}
