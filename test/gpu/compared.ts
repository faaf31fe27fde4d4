/** How far one output of a device is from that of the CPU. */
export interface Comparison {
  readonly what: string
  /** Values of the device, of the CPU. */
  readonly lengths: readonly [number, number]
  /** Largest absolute difference; null if one is not a number. */
  readonly largest: number | null
  /** Largest absolute value on the CPU: an output of silence would prove nothing. */
  readonly peak: number
}

/** What `compare.ts` prints. */
export type Found = { readonly comparisons: readonly Comparison[] } | { readonly unavailable: string }
