/** Passes what the microphone hears to the page, a tenth of a second at a time. */
class Capture extends AudioWorkletProcessor {
  #held = new Float32Array(Math.round(sampleRate / 10))
  #length = 0

  process([[channel]]) {
    for (const sample of channel ?? []) {
      this.#held[this.#length++] = sample
      if (this.#length < this.#held.length) continue
      this.port.postMessage(this.#held.slice())
      this.#length = 0
    }
    return true
  }
}

registerProcessor('capture', Capture)
