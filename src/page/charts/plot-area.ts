/**
 * The positions of values on a plot, in CSS pixels. The options for ECharts and everything over its
 * canvas (line ends, crosshair, the hatched band) use the same area, so that they match exactly.
 *
 *   0 ── left ─────────── width−right ── width
 *   │     ┌── top ──────────┐
 *   │     │  toX, toY       │
 *   │     └── height−bottom ┘
 */

export type Margins = Readonly<{ left: number; right: number; top: number; bottom: number }>

export type PlotArea = Margins &
  Readonly<{
    width: number
    height: number
    toX: (value: number) => number
    toY: (value: number) => number
    /** The value under a pixel, clamped to the area. */
    fromX: (x: number) => number
  }>

type Extent = readonly [min: number, max: number]

export function plotArea(
  size: Readonly<{ width: number; height: number }>,
  margins: Margins,
  extents: Readonly<{ x: Extent; y: Extent }>,
): PlotArea {
  const [minX, maxX] = extents.x
  const [minY, maxY] = extents.y
  const innerWidth = Math.max(size.width - margins.left - margins.right, 1)
  const innerHeight = Math.max(size.height - margins.top - margins.bottom, 1)
  return {
    ...margins,
    ...size,
    toX: (value) => margins.left + ((value - minX) / (maxX - minX)) * innerWidth,
    toY: (value) => margins.top + ((maxY - value) / (maxY - minY)) * innerHeight,
    fromX: (x) => {
      const share = Math.min(Math.max((x - margins.left) / innerWidth, 0), 1)
      return minX + share * (maxX - minX)
    },
  }
}

/** The greatest width of a short text of figures in usual fonts; a canvas cannot measure ahead. */
export function textWidth(text: string, fontSize: number): number {
  const ems = [...text].reduce((sum, letter) => sum + letterEms(letter), 0)
  return Math.ceil(ems * fontSize)
}

function letterEms(letter: string): number {
  if (letter === '%') return 0.96
  return /[\s.,'’:]/.test(letter) ? 0.34 : 0.65
}
