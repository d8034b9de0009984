// How a soak went, to look at: lines of text for the terminal, an SVG for a browser.

import type { Life } from './verdict.ts'

/** A value at a time, in seconds. */
export interface Point {
  readonly at: number
  readonly value: number
}

/** Points that belong together. */
export interface Series {
  readonly name: string
  readonly points: readonly Point[]
}

/** Something that happened. */
export interface Mark {
  readonly at: number
  readonly name: string
}

const bars = '▁▂▃▄▅▆▇█'

/** The points as a row of bars, from 0 to the highest. */
export function sparkline(points: readonly Point[], width = 60): string {
  const last = points.at(-1)?.at ?? 0
  const first = points[0]?.at ?? 0
  const most = Math.max(...points.map(({ value }) => value), 0)
  const columns = Array.from({ length: width }, (): number | undefined => undefined)
  for (const { at, value } of points) {
    const column = Math.min(width - 1, Math.floor(((at - first) / (last - first || 1)) * width))
    columns[column] = Math.max(columns[column] ?? 0, value)
  }
  return columns
    .map((value) => {
      if (value === undefined) return ' '
      return bars[most === 0 ? 0 : Math.round((value / most) * (bars.length - 1))]
    })
    .join('')
}

/** The memory or the files of each life as a series. */
export const seriesOf = (lives: readonly Life[], pick: 'memory' | 'files'): readonly Series[] =>
  lives.map(({ name, pid, samples }) => ({
    name: `${name} (${pid})`,
    points: samples.map((sample) => ({ at: sample.at, value: sample[pick] })),
  }))

const colours = ['#1b6ac9', '#c9541b', '#2a8a3e', '#8b3fb0', '#a88a00', '#0f8b8d', '#7a4b2a']
const [panelWidth, panelHeight, left] = [960, 150, 60]

/** An SVG with one panel for each title, all over the same time, with the marks through them. */
export function svg(
  panels: readonly { readonly title: string; readonly series: readonly Series[] }[],
  marks: readonly Mark[],
  seconds: number,
): string {
  const x = (at: number): number => left + (at / (seconds || 1)) * panelWidth
  const height = panels.length * (panelHeight + 50) + 90
  const lines = marks.map(({ at, name }) => {
    const place = x(at).toFixed(1)
    return (
      `<line x1="${place}" y1="80" x2="${place}" y2="${height}" stroke="#ddd"/>` +
      `<text transform="translate(${place},78) rotate(-60)" font-size="9">${name}</text>`
    )
  })
  const drawn = panels.map(({ title, series }, index) => {
    const top = 100 + index * (panelHeight + 50)
    const most = Math.max(...series.flatMap(({ points }) => points.map(({ value }) => value)), 1)
    const y = (value: number): number => top + panelHeight - (value / most) * panelHeight
    const curves = series.map(({ name, points }, place) => {
      const path = points.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`)
      const colour = colours[place % colours.length]
      return (
        `<polyline fill="none" stroke="${colour}" points="${path.join(' ')}">` +
        `<title>${name}</title></polyline>`
      )
    })
    return (
      `<text x="${left}" y="${top - 6}" font-weight="bold">${title}</text>` +
      `<text x="4" y="${top + 10}">${most.toFixed(most < 10 ? 1 : 0)}</text>` +
      `<text x="4" y="${top + panelHeight}">0</text>` +
      `<path d="M${left} ${top}V${top + panelHeight}H${left + panelWidth}" fill="none" ` +
      `stroke="#888"/>${curves.join('')}`
    )
  })
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${panelWidth + left + 20}" ` +
    `height="${height}" font-family="sans-serif" font-size="11">\n` +
    `<rect width="100%" height="100%" fill="white"/>\n` +
    `${[...lines, ...drawn].join('\n')}\n</svg>\n`
  )
}
