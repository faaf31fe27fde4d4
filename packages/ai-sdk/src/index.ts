export { createMynah, type MynahProvider, type MynahProviderOptions } from './provider.ts'
export { type SpeechEngine, SpeechModel } from './speech-model.ts'
