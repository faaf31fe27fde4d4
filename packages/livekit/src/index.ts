export { createTts, type LiveKitAgents, type SpeechEngine, type TtsOptions } from './tts.ts'
