/** Real discrete Fourier transforms of one size. The scratch memory is shared: not reentrant, which synchronous code cannot notice. */
export interface RealFft {
  /** Number of real samples, N. */
  readonly size: number
  /**
   * X[k] = Σₙ x[n]·e^(−2πikn/N), unscaled.
   * @param input [N]
   * @param real [N/2 + 1], receives Re X
   * @param imaginary [N/2 + 1], receives Im X
   */
  forward(input: Float64Array, real: Float64Array, imaginary: Float64Array): void
  /**
   * The inverse of `forward`, scaled by 1/N. The imaginary parts of bins 0 and N/2 are ignored, as in `torch.fft.irfft`.
   * @param output [N]
   */
  inverse(real: Float64Array, imaginary: Float64Array, output: Float64Array): void
}

// A process meets a handful of transform sizes; one that walks through sizes must not keep every plan.
const maxCachedPlans = 16
const plans = new Map<number, RealFft>()

/**
 * The plan (twiddle factors and scratch memory) for real transforms of `size` samples, cached by size.
 * Mixed radix: fast where size/2 is a product of 2, 3 and 5 (1024, 1200, 2048 …), correct for every even size.
 * @throws {RangeError} if size is not an even integer ≥ 2
 */
export function realFft(size: number): RealFft {
  if (!Number.isInteger(size) || size < 2 || size % 2 !== 0) throw new RangeError(`realFft: size is ${size}, expected an even integer ≥ 2`)
  let plan = plans.get(size)
  if (!plan) {
    if (plans.size >= maxCachedPlans) plans.clear()
    plan = createRealFft(size)
    plans.set(size, plan)
  }
  return plan
}

/** A real transform is a complex one of half the size over (even, odd) sample pairs, then one butterfly per pair of bins. */
function createRealFft(size: number): RealFft {
  const half = size / 2
  const transform = createComplexFft(half)
  const re = new Float64Array(half)
  const im = new Float64Array(half)
  const cos = Float64Array.from({ length: half + 1 }, (_, k) => Math.cos((2 * Math.PI * k) / size))
  const sin = Float64Array.from({ length: half + 1 }, (_, k) => Math.sin((2 * Math.PI * k) / size))
  return {
    size,
    forward(input, real, imaginary) {
      for (let n = 0; n < half; n++) {
        re[n] = input[2 * n]!
        im[n] = input[2 * n + 1]!
      }
      transform(re, im)
      for (let k = 0; k <= half; k++) {
        const a = k === half ? 0 : k
        const b = k === 0 ? 0 : half - k
        const evenRe = (re[a]! + re[b]!) / 2
        const evenIm = (im[a]! - im[b]!) / 2
        const oddRe = (im[a]! + im[b]!) / 2
        const oddIm = (re[b]! - re[a]!) / 2
        real[k] = evenRe + oddRe * cos[k]! + oddIm * sin[k]!
        imaginary[k] = evenIm + oddIm * cos[k]! - oddRe * sin[k]!
      }
    },
    inverse(real, imaginary, output) {
      for (let k = 0; k < half; k++) {
        const mirror = half - k
        const aIm = k === 0 ? 0 : imaginary[k]!
        const bIm = k === 0 ? 0 : -imaginary[mirror]!
        const evenRe = (real[k]! + real[mirror]!) / 2
        const evenIm = (aIm + bIm) / 2
        const differenceRe = (real[k]! - real[mirror]!) / 2
        const differenceIm = (aIm - bIm) / 2
        const oddRe = differenceRe * cos[k]! - differenceIm * sin[k]!
        const oddIm = differenceRe * sin[k]! + differenceIm * cos[k]!
        // even + i·odd, with real and imaginary parts swapped: a forward transform of swapped parts is the inverse one
        im[k] = evenRe - oddIm
        re[k] = evenIm + oddRe
      }
      transform(re, im)
      for (let n = 0; n < half; n++) {
        output[2 * n] = im[n]! / half
        output[2 * n + 1] = re[n]! / half
      }
    },
  }
}

/** Factors of n in the order the stages run: fours first, since they are the cheapest per sample. */
function radices(n: number): number[] {
  const factors: number[] = []
  for (const radix of [4, 2, 3, 5]) {
    while (n % radix === 0) {
      factors.push(radix)
      n /= radix
    }
  }
  for (let radix = 7; n > 1; radix += 2) {
    if (radix * radix > n) radix = n
    while (n % radix === 0) {
      factors.push(radix)
      n /= radix
    }
  }
  return factors
}

/**
 * In-place complex transform of size n by the Stockham algorithm: each stage splits off one factor and writes its results already in order,
 * so that no bit reversal is needed. A stage of radix p over m = length/p groups computes, for t < p,
 * y[p·q + t] = w^(q·t) Σᵣ x[q + m·r]·e^(−2πi·r·t/p), with w = e^(−2πi/length), for `stride` interleaved transforms at once.
 */
function createComplexFft(n: number): (re: Float64Array, im: Float64Array) => void {
  const cos = Float64Array.from({ length: n }, (_, k) => Math.cos((2 * Math.PI * k) / n))
  const sin = Float64Array.from({ length: n }, (_, k) => -Math.sin((2 * Math.PI * k) / n))
  const factors = radices(n)
  const largest = Math.max(1, ...factors)
  const groupRe = new Float64Array(largest)
  const groupIm = new Float64Array(largest)
  const scratchRe = new Float64Array(n)
  const scratchIm = new Float64Array(n)
  return (re, im) => {
    let [xRe, xIm, yRe, yIm]: [Part, Part, Part, Part] = [re, im, scratchRe, scratchIm]
    let length = n
    let stride = 1
    for (const radix of factors) {
      const m = length / radix
      if (radix === 4) radix4(xRe, xIm, yRe, yIm, m, stride, cos, sin)
      else if (radix === 2) radix2(xRe, xIm, yRe, yIm, m, stride, cos, sin)
      else if (radix === 3) radix3(xRe, xIm, yRe, yIm, m, stride, cos, sin)
      else radixAny(xRe, xIm, yRe, yIm, radix, m, stride, cos, sin, groupRe, groupIm)
      ;[xRe, xIm, yRe, yIm] = [yRe, yIm, xRe, xIm]
      length = m
      stride *= radix
    }
    if (xRe !== re) {
      re.set(xRe)
      im.set(xIm)
    }
  }
}

type Part = Float64Array

function radix2(xRe: Part, xIm: Part, yRe: Part, yIm: Part, m: number, stride: number, cos: Part, sin: Part): void {
  for (let q = 0; q < m; q++) {
    const wRe = cos[q * stride]!
    const wIm = sin[q * stride]!
    for (let j = 0; j < stride; j++) {
      const a = j + stride * q
      const b = a + stride * m
      const y = j + stride * 2 * q
      const dRe = xRe[a]! - xRe[b]!
      const dIm = xIm[a]! - xIm[b]!
      yRe[y] = xRe[a]! + xRe[b]!
      yIm[y] = xIm[a]! + xIm[b]!
      yRe[y + stride] = dRe * wRe - dIm * wIm
      yIm[y + stride] = dRe * wIm + dIm * wRe
    }
  }
}

function radix3(xRe: Part, xIm: Part, yRe: Part, yIm: Part, m: number, stride: number, cos: Part, sin: Part): void {
  const half3 = Math.sqrt(3) / 2
  for (let q = 0; q < m; q++) {
    const w1Re = cos[q * stride]!
    const w1Im = sin[q * stride]!
    const w2Re = cos[2 * q * stride]!
    const w2Im = sin[2 * q * stride]!
    for (let j = 0; j < stride; j++) {
      const a = j + stride * q
      const b = a + stride * m
      const c = b + stride * m
      const y = j + stride * 3 * q
      const sumRe = xRe[b]! + xRe[c]!
      const sumIm = xIm[b]! + xIm[c]!
      const baseRe = xRe[a]! - sumRe / 2
      const baseIm = xIm[a]! - sumIm / 2
      const turnRe = half3 * (xIm[b]! - xIm[c]!)
      const turnIm = half3 * (xRe[c]! - xRe[b]!)
      yRe[y] = xRe[a]! + sumRe
      yIm[y] = xIm[a]! + sumIm
      yRe[y + stride] = (baseRe + turnRe) * w1Re - (baseIm + turnIm) * w1Im
      yIm[y + stride] = (baseRe + turnRe) * w1Im + (baseIm + turnIm) * w1Re
      yRe[y + 2 * stride] = (baseRe - turnRe) * w2Re - (baseIm - turnIm) * w2Im
      yIm[y + 2 * stride] = (baseRe - turnRe) * w2Im + (baseIm - turnIm) * w2Re
    }
  }
}

function radix4(xRe: Part, xIm: Part, yRe: Part, yIm: Part, m: number, stride: number, cos: Part, sin: Part): void {
  for (let q = 0; q < m; q++) {
    const w1Re = cos[q * stride]!
    const w1Im = sin[q * stride]!
    const w2Re = cos[2 * q * stride]!
    const w2Im = sin[2 * q * stride]!
    const w3Re = cos[3 * q * stride]!
    const w3Im = sin[3 * q * stride]!
    for (let j = 0; j < stride; j++) {
      const a = j + stride * q
      const b = a + stride * m
      const c = b + stride * m
      const d = c + stride * m
      const y = j + stride * 4 * q
      const acRe = xRe[a]! + xRe[c]!
      const acIm = xIm[a]! + xIm[c]!
      const bdRe = xRe[b]! + xRe[d]!
      const bdIm = xIm[b]! + xIm[d]!
      const eRe = xRe[a]! - xRe[c]!
      const eIm = xIm[a]! - xIm[c]!
      const fRe = xIm[b]! - xIm[d]!
      const fIm = xRe[d]! - xRe[b]!
      yRe[y] = acRe + bdRe
      yIm[y] = acIm + bdIm
      yRe[y + stride] = (eRe + fRe) * w1Re - (eIm + fIm) * w1Im
      yIm[y + stride] = (eRe + fRe) * w1Im + (eIm + fIm) * w1Re
      yRe[y + 2 * stride] = (acRe - bdRe) * w2Re - (acIm - bdIm) * w2Im
      yIm[y + 2 * stride] = (acRe - bdRe) * w2Im + (acIm - bdIm) * w2Re
      yRe[y + 3 * stride] = (eRe - fRe) * w3Re - (eIm - fIm) * w3Im
      yIm[y + 3 * stride] = (eRe - fRe) * w3Im + (eIm - fIm) * w3Re
    }
  }
}

/** The direct sum over a factor for which no butterfly is written out. */
function radixAny(
  xRe: Part,
  xIm: Part,
  yRe: Part,
  yIm: Part,
  radix: number,
  m: number,
  stride: number,
  cos: Part,
  sin: Part,
  groupRe: Part,
  groupIm: Part,
): void {
  const root = m * stride // index of e^(−2πi/radix) in the table of n-th roots
  const n = root * radix
  for (let q = 0; q < m; q++) {
    for (let j = 0; j < stride; j++) {
      for (let r = 0; r < radix; r++) {
        groupRe[r] = xRe[j + stride * (q + m * r)]!
        groupIm[r] = xIm[j + stride * (q + m * r)]!
      }
      for (let t = 0; t < radix; t++) {
        let sumRe = groupRe[0]!
        let sumIm = groupIm[0]!
        const step = root * t
        for (let r = 1, k = step; r < radix; r++) {
          sumRe += groupRe[r]! * cos[k]! - groupIm[r]! * sin[k]!
          sumIm += groupRe[r]! * sin[k]! + groupIm[r]! * cos[k]!
          k += step
          if (k >= n) k -= n
        }
        const w = q * t * stride
        const y = j + stride * (radix * q + t)
        yRe[y] = sumRe * cos[w]! - sumIm * sin[w]!
        yIm[y] = sumRe * sin[w]! + sumIm * cos[w]!
      }
    }
  }
}
