export * from './fft.ts'
export * from './mel.ts'
export * from './stft.ts'
