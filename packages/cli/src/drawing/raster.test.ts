import { float32Tensor } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { drawMatrix, maxColumns, stack } from './raster.ts'

const pixel = ({ rgb, width }: { rgb: Uint8Array; width: number }, x: number, y: number) => [
  ...rgb.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
]

describe('drawMatrix', () => {
  it('draws the first row at the bottom, the smallest value darkest, in cells of the given size', () => {
    const raster = drawMatrix(float32Tensor([0, 1, 2, 3], [2, 2]), { cell: { width: 3, height: 2 } })
    expect(raster).toMatchObject({ width: 6, height: 4 })
    const lightness = (x: number, y: number) => pixel(raster, x, y).reduce((sum, channel) => sum + channel)
    expect(lightness(0, 3)).toBeLessThan(lightness(5, 3))
    expect(lightness(5, 3)).toBeLessThan(lightness(0, 0))
    expect(lightness(0, 0)).toBeLessThan(lightness(5, 0))
    expect(pixel(raster, 0, 2)).toEqual(pixel(raster, 2, 3))
  })

  it('averages long inputs down to a bounded width', () => {
    const raster = drawMatrix(float32Tensor(new Float32Array(10 * maxColumns + 1), [1, 10 * maxColumns + 1]), {
      cell: { width: 1, height: 1 },
    })
    expect(raster.width).toBeLessThanOrEqual(maxColumns)
  })

  it('survives a constant matrix', () => {
    expect(new Set(drawMatrix(float32Tensor([5, 5], [1, 2]), { cell: { width: 1, height: 1 } }).rgb).size).toBeLessThanOrEqual(3)
  })
})

describe('stack', () => {
  it('keeps the order, and fills gaps and margins with white', () => {
    const black = (width: number) => ({ width, height: 1, rgb: new Uint8Array(width * 3) })
    const stacked = stack([black(2), black(1)], 1)
    expect(stacked).toMatchObject({ width: 2, height: 3 })
    expect(pixel(stacked, 0, 1)).toEqual([255, 255, 255])
    expect(pixel(stacked, 0, 2)).toEqual([0, 0, 0])
    expect(pixel(stacked, 1, 2)).toEqual([255, 255, 255])
  })
})
