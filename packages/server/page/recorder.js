import { join, toWav } from '/page/audio.js'

/** The most that a voice is made of. */
const maxSeconds = 15

/**
 * Records the microphone as WAV, which every server reads: browsers' own formats differ.
 * @param {(level: number) => void} onLevel peak of the last moment, 0 to 1
 * @param {() => void} onFull called after 15 s
 * @returns {Promise<{ stop(): Promise<Blob> }>}
 */
export async function startRecording(onLevel, onFull) {
  const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false }
  const stream = await navigator.mediaDevices.getUserMedia({ audio })
  const context = new AudioContext()
  await context.audioWorklet.addModule('/page/capture.js')
  const source = context.createMediaStreamSource(stream)
  const capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0 })
  const pieces = []
  let length = 0
  capture.port.onmessage = ({ data }) => {
    if (length >= maxSeconds * context.sampleRate) return
    pieces.push(data)
    length += data.length
    onLevel(data.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0))
    if (length >= maxSeconds * context.sampleRate) onFull()
  }
  source.connect(capture)
  return {
    async stop() {
      for (const track of stream.getTracks()) track.stop()
      source.disconnect()
      const { sampleRate } = context
      await context.close()
      onLevel(0)
      return toWav(join(pieces), sampleRate)
    },
  }
}
