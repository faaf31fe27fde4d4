const [windowSize, hop, melBands] = [1024, 300, 64]
/** Decibels between the darkest and the brightest colour. */
const range = 70

/** What is drawn of a speech. Each piece is looked at once, when it comes. */
export class Figures {
  #filters
  #samples = new Float32Array(0)
  /** For each 300 samples: lowest, highest, and the mel bands in decibels. */
  #columns = []
  #loudest = -120

  /** @param {number} sampleRate Hz */
  constructor(sampleRate) {
    this.#filters = createFilters(sampleRate)
  }

  /** @param {Float32Array} samples */
  push(samples) {
    const held = this.#samples
    this.#samples = new Float32Array(held.length + samples.length)
    this.#samples.set(held)
    this.#samples.set(samples, held.length)
    let start = 0
    for (; start + windowSize <= this.#samples.length; start += hop) this.#columns.push(this.#measure(start))
    this.#samples = this.#samples.slice(start)
  }

  #measure(start) {
    const power = powerSpectrum(this.#samples, start)
    const bands = this.#filters.map(filter => 10 * Math.log10(filter.reduce((sum, [bin, weight]) => sum + weight * power[bin], 1e-12)))
    this.#loudest = Math.max(this.#loudest, ...bands)
    const middle = this.#samples.subarray(start, start + hop)
    return { low: Math.min(...middle), high: Math.max(...middle), bands }
  }

  /** @param {HTMLCanvasElement} canvas */
  drawWave(canvas) {
    const context = prepare(canvas)
    const { width, height } = canvas
    const peak = this.#columns.reduce((most, { low, high }) => Math.max(most, -low, high), 0.01)
    context.fillStyle = '#5fd3bd'
    for (let x = 0; x < width; x++) {
      const columns = this.#columns.slice(...this.#range(x, width))
      const high = Math.max(0, ...columns.map(column => column.high)) / peak
      const low = Math.min(0, ...columns.map(column => column.low)) / peak
      context.fillRect(x, (0.5 - 0.46 * high) * height, 1, Math.max(1, 0.46 * (high - low) * height))
    }
  }

  /** @param {HTMLCanvasElement} canvas */
  drawMel(canvas) {
    const context = prepare(canvas)
    const width = Math.min(canvas.width, this.#columns.length)
    if (width === 0) return
    const image = new ImageData(width, melBands)
    for (let x = 0; x < width; x++) {
      const { bands } = this.#columns[this.#range(x, width)[0]]
      for (let band = 0; band < melBands; band++) {
        image.data.set(colour(Math.max(0, 1 - (this.#loudest - bands[band]) / range)), 4 * ((melBands - 1 - band) * width + x))
      }
    }
    const small = new OffscreenCanvas(width, melBands)
    small.getContext('2d').putImageData(image, 0, 0)
    context.drawImage(small, 0, 0, canvas.width, canvas.height)
  }

  /** The columns that a pixel stands for: at least one. */
  #range(x, width) {
    const { length } = this.#columns
    const first = Math.min(length - 1, Math.floor((x * length) / width))
    return [first, Math.max(first + 1, Math.floor(((x + 1) * length) / width))]
  }
}

/** As many pixels as the screen shows, and empty. */
function prepare(canvas) {
  const scale = globalThis.devicePixelRatio || 1
  const height = Number(canvas.dataset.height ?? canvas.getAttribute('height'))
  canvas.dataset.height = String(height)
  canvas.width = Math.round(canvas.clientWidth * scale)
  canvas.height = Math.round(height * scale)
  const context = canvas.getContext('2d')
  context.clearRect(0, 0, canvas.width, canvas.height)
  return context
}

/** Dark blue, teal, yellow. */
function colour(level) {
  const stops = [
    [12, 17, 24],
    [20, 60, 90],
    [31, 140, 130],
    [150, 205, 95],
    [255, 225, 120],
  ]
  const place = Math.min(0.9999, level) * (stops.length - 1)
  const [from, to] = [stops[Math.floor(place)], stops[Math.floor(place) + 1]]
  return [...from.map((value, i) => value + (to[i] - value) * (place % 1)), 255]
}

/** Triangles on the mel scale (HTK), as [bin, weight] pairs for each band. */
function createFilters(sampleRate) {
  const toMel = hertz => 2595 * Math.log10(1 + hertz / 700)
  const toHertz = mel => 700 * (10 ** (mel / 2595) - 1)
  const top = toMel(sampleRate / 2)
  const edges = Array.from({ length: melBands + 2 }, (_, i) => (toHertz((top * i) / (melBands + 1)) * windowSize) / sampleRate)
  return Array.from({ length: melBands }, (_, band) => {
    const [low, middle, high] = edges.slice(band, band + 3)
    const weights = []
    for (let bin = Math.floor(low); bin <= Math.ceil(high) && bin <= windowSize / 2; bin++) {
      const weight = Math.min((bin - low) / Math.max(1e-6, middle - low), (high - bin) / Math.max(1e-6, high - middle))
      if (weight > 0) weights.push([bin, weight])
    }
    return weights.length > 0 ? weights : [[Math.round(middle), 1]]
  })
}

const hann = Float32Array.from({ length: windowSize }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / windowSize))
const [cosines, sines] = [Math.cos, Math.sin].map(wave =>
  Float32Array.from({ length: windowSize / 2 }, (_, i) => wave((2 * Math.PI * i) / windowSize)),
)

/** Of the window that begins at `start`: |X|², bins 0 to N/2. Radix-2 FFT. */
function powerSpectrum(samples, start) {
  const [real, imaginary] = [new Float32Array(windowSize), new Float32Array(windowSize)]
  for (let i = 0, reversed = 0; i < windowSize; i++) {
    real[reversed] = (samples[start + i] ?? 0) * hann[i]
    let bit = windowSize >> 1
    for (; reversed & bit; bit >>= 1) reversed ^= bit
    reversed |= bit
  }
  for (let size = 2; size <= windowSize; size *= 2) {
    for (let first = 0; first < windowSize; first += size) {
      for (let i = 0; i < size / 2; i++) {
        const [cosine, sine] = [cosines[(i * windowSize) / size], -sines[(i * windowSize) / size]]
        const [a, b] = [first + i, first + i + size / 2]
        const re = real[b] * cosine - imaginary[b] * sine
        const im = real[b] * sine + imaginary[b] * cosine
        real[b] = real[a] - re
        imaginary[b] = imaginary[a] - im
        real[a] += re
        imaginary[a] += im
      }
    }
  }
  return real.subarray(0, windowSize / 2 + 1).map((value, i) => value * value + imaginary[i] * imaginary[i])
}
