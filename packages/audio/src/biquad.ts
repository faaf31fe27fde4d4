/** One second-order section: y = b0 x + b1 x' + b2 x'' − a1 y' − a2 y''. */
export type Biquad = readonly [b0: number, b1: number, b2: number, a1: number, a2: number]

/** Begins to filter: what it returns takes sample after sample. */
export function startBiquad([b0, b1, b2, a1, a2]: Biquad): (sample: number) => number {
  let x1 = 0
  let x2 = 0
  let y1 = 0
  let y2 = 0
  return x => {
    const y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
    x2 = x1
    x1 = x
    y2 = y1
    y1 = y
    return y
  }
}
