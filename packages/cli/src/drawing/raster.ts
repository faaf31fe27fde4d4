import type { Tensor } from '@mynah/onnx'

/** A picture: bytes [height, width, 3], red, green and blue. */
export interface Raster {
  readonly width: number
  readonly height: number
  readonly rgb: Uint8Array
}

/** Wider pictures gain nothing on a screen, and an hour of audio must not become a gigabyte: longer inputs are averaged down. */
export const maxColumns = 4000

/** Dark blue → teal → yellow: lightness rises evenly, so that it reads in grey, too. */
const colours = [
  [12, 8, 38],
  [45, 28, 98],
  [47, 77, 137],
  [34, 122, 141],
  [40, 165, 126],
  [133, 201, 82],
  [250, 229, 55],
] as const

/**
 * Draws a matrix, its first row at the bottom as in a spectrogram.
 * @param matrix float32 [R, T]; more than `maxColumns` columns are averaged
 * @param options.range values of the darkest and the lightest colour; smallest and largest by default
 * @param options.cell pixels per element
 */
export function drawMatrix(
  matrix: Tensor<'float32'>,
  options: { range?: readonly [number, number]; cell: { width: number; height: number } },
): Raster {
  const { data, rows, columns } = shrink(matrix)
  const [low, high] = options.range ?? rangeOf(data)
  const { width: cellWidth, height: cellHeight } = options.cell
  const width = columns * cellWidth
  const height = rows * cellHeight
  const rgb = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const row = rows - 1 - Math.floor(y / cellHeight)
    for (let x = 0; x < width; x++) {
      const value = data[row * columns + Math.floor(x / cellWidth)]!
      rgb.set(colourOf((value - low) / (high - low || 1)), (y * width + x) * 3)
    }
  }
  return { width, height, rgb }
}

/** Pictures one above the other on white, `gap` pixels apart. */
export function stack(rasters: readonly Raster[], gap: number): Raster {
  const width = Math.max(...rasters.map(raster => raster.width))
  const height = rasters.reduce((sum, raster) => sum + raster.height, gap * (rasters.length - 1))
  const rgb = new Uint8Array(width * height * 3).fill(255)
  let top = 0
  for (const raster of rasters) {
    for (let y = 0; y < raster.height; y++) {
      rgb.set(raster.rgb.subarray(y * raster.width * 3, (y + 1) * raster.width * 3), (top + y) * width * 3)
    }
    top += raster.height + gap
  }
  return { width, height, rgb }
}

/** @param value 0 is the darkest, 1 the lightest; clamped */
function colourOf(value: number): [number, number, number] {
  const position = Math.max(0, Math.min(1, value)) * (colours.length - 1)
  const index = Math.min(colours.length - 2, Math.floor(position))
  const [from, to] = [colours[index]!, colours[index + 1]!]
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * (position - index))
  return [mix(0), mix(1), mix(2)]
}

function rangeOf(data: Float32Array): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of data) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  return [low, high]
}

/** At most `maxColumns` columns, each the mean of equally many neighbours (the last of fewer). */
function shrink({ shape, data }: Tensor<'float32'>): { data: Float32Array; rows: number; columns: number } {
  const [rows = 1, length = 1] = shape
  const group = Math.ceil(length / maxColumns)
  if (group === 1) return { data, rows, columns: length }
  const columns = Math.ceil(length / group)
  const means = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const end = Math.min(length, (column + 1) * group)
      let sum = 0
      for (let i = column * group; i < end; i++) sum += data[row * length + i]!
      means[row * columns + column] = sum / (end - column * group)
    }
  }
  return { data: means, rows, columns }
}
