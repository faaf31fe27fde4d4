import { encode } from 'fast-png'
import { type Raster, stack } from './raster.ts'

/** One picture of a figure with what its axes say. */
export interface Panel {
  readonly title: string
  readonly raster: Raster
  /** Ticks of the vertical axis; `position` 0 is the bottom, 1 the top. */
  readonly ticks: readonly { readonly position: number; readonly label: string }[]
}

/** Panels one above the other over one time axis. */
export interface Figure {
  readonly title: string
  readonly panels: readonly Panel[]
  /** What the whole width is, and in which unit. */
  readonly extent: { readonly length: number; readonly unit: string }
}

const gap = 4
const left = 64
const right = 24
const headline = 28
const titleHeight = 22
const axisHeight = 36
/** Ticks closer than this would write over each other. */
const minTickPixels = 60

/** The panels alone, without axes: text needs a font, which PNG does not have. */
export function toPng({ panels }: Figure): Uint8Array {
  const { width, height, rgb } = stack(
    panels.map(panel => panel.raster),
    gap,
  )
  return encode({ width, height, data: rgb, channels: 3, depth: 8 })
}

/** The panels with titles, labels and a time axis. */
export function toSvg(figure: Figure): string {
  const plotWidth = Math.max(...figure.panels.map(panel => panel.raster.width))
  const width = left + plotWidth + right
  const body: string[] = []
  let top = headline
  for (const { title, raster, ticks } of figure.panels) {
    top += titleHeight
    body.push(text(left, top - 6, title, 'start'))
    const png = Buffer.from(encode({ ...raster, data: raster.rgb, channels: 3, depth: 8 })).toString('base64')
    body.push(`<image x="${left}" y="${top}" width="${raster.width}" height="${raster.height}" href="data:image/png;base64,${png}"/>`)
    for (const { position, label } of ticks) body.push(text(left - 6, top + (1 - position) * raster.height + 3, label, 'end'))
    top += raster.height + gap
  }
  for (const value of tickValues(figure.extent.length, plotWidth)) {
    const x = left + (value / figure.extent.length) * plotWidth
    body.push(`<path d="M${x.toFixed(1)} ${top - gap}v5" stroke="currentColor"/>`, text(x, top + 16, String(value), 'middle'))
  }
  body.push(text(left + plotWidth, top + 30, figure.extent.unit, 'end'))
  const height = top + axisHeight
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="10" style="background:white">`,
    `<text x="${left}" y="18" font-size="13">${escapeXml(figure.title)}</text>`,
    ...body,
    '</svg>',
    '',
  ].join('\n')
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeXml(content)}</text>`
}

/** Round numbers from 0, as many as have room. */
function tickValues(length: number, pixels: number): number[] {
  const least = (length / pixels) * minTickPixels
  const power = 10 ** Math.floor(Math.log10(least))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(candidate => candidate >= least)!
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => Number((index * step).toPrecision(6)))
}

function escapeXml(content: string): string {
  return content.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
}
