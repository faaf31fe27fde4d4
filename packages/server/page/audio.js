/** Hears speech as it arrives: pieces are put one behind the other on the clock of the audio device. */
export class Player {
  #context
  #sampleRate
  #sources = new Set()
  #start = 0
  #length = 0
  #onEnd
  #from

  /** @param {number} sampleRate Hz @param {() => void} onEnd called when the last piece was heard @param {number} from seconds of the speech that are left out */
  constructor(sampleRate, onEnd, from = 0) {
    this.#context = new AudioContext({ sampleRate })
    this.#sampleRate = sampleRate
    this.#onEnd = onEnd
    this.#from = from
  }

  /** @param {Float32Array} samples */
  push(samples) {
    const context = this.#context
    void context.resume()
    const buffer = context.createBuffer(1, samples.length, this.#sampleRate)
    buffer.copyToChannel(samples, 0)
    const source = context.createBufferSource()
    source.buffer = buffer
    source.connect(context.destination)
    if (this.#length === 0) this.#start = context.currentTime + 0.05
    const late = context.currentTime - (this.#start + this.#length)
    if (late > 0) this.#start += late + 0.02 // it came too late: all that follows is heard later
    source.start(this.#start + this.#length)
    this.#length += buffer.duration
    this.#sources.add(source)
    source.onended = () => {
      this.#sources.delete(source)
      if (this.#sources.size === 0 && this.#context.currentTime >= this.#start + this.#length - 0.05) this.#onEnd()
    }
  }

  /** Where in the speech it is, in seconds. */
  get seconds() {
    return this.#from + (this.#length === 0 ? 0 : Math.max(0, Math.min(this.#length, this.#context.currentTime - this.#start)))
  }

  async stop() {
    for (const source of this.#sources) {
      source.onended = null
      source.stop()
    }
    this.#sources.clear()
    if (this.#context.state !== 'closed') await this.#context.close()
  }
}

/** @param {string} base64 of 16-bit little-endian samples @returns {Float32Array} */
export function readPcm(base64) {
  const text = atob(base64)
  const samples = new Float32Array(text.length >> 1)
  for (let i = 0; i < samples.length; i++) {
    const value = text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 8)
    samples[i] = (value > 32767 ? value - 65536 : value) / 32768
  }
  return samples
}

/** @param {Float32Array[]} pieces @returns {Float32Array} */
export function join(pieces) {
  const all = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    all.set(piece, offset)
    offset += piece.length
  }
  return all
}

/** A 16-bit WAV file. @param {Float32Array} samples @param {number} sampleRate Hz @returns {Blob} */
export function toWav(samples, sampleRate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length))
  const text = (at, letters) => {
    for (const [i, letter] of [...letters].entries()) view.setUint8(at + i, letter.charCodeAt(0))
  }
  text(0, 'RIFF')
  view.setUint32(4, 36 + 2 * samples.length, true)
  text(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, sampleRate, true)
  view.setUint32(28, 2 * sampleRate, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  text(36, 'data')
  view.setUint32(40, 2 * samples.length, true)
  for (const [i, sample] of samples.entries())
    view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, Math.round(sample * 32768))), true)
  return new Blob([view.buffer], { type: 'audio/wav' })
}
