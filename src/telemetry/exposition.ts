// How are figures written so that Prometheus reads them? The text format, version 0.0.4, which
// OpenMetrics readers take too. Pure.

import type { Histogram } from '../control/histogram.ts'

/** The media type of what `Exposition` writes. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * The bounds that are shown, in milliseconds: those that OpenTelemetry advises, and some beside
 * them for what takes less than five. Finer ones serve quantiles only.
 */
const shownBounds = [
  ...[0.5, 1, 2.5, 5, 10, 25, 50, 75, 100, 250, 500, 750],
  ...[1000, 2500, 5000, 7500, 10_000, 25_000, 50_000],
]

export type Labels = Readonly<Record<string, string | number>>

/** A page of figures: each family once, with its help and type before it. */
export class Exposition {
  readonly #lines: string[] = []

  /** One family of counters or gauges. A family without samples is left out. */
  family(
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    samples: Iterable<readonly [Labels, number]>,
  ): void {
    const lines = [...samples].map(([labels, value]) => `${name}${braces(labels)} ${value}`)
    if (lines.length > 0) this.#lines.push(...head(name, type, help), ...lines)
  }

  /** One family of histograms of lengths of time; shown in seconds. */
  histograms(name: string, help: string, samples: Iterable<readonly [Labels, Histogram]>): void {
    const lines = [...samples].flatMap(([labels, histogram]) => [
      ...shownBounds.map((bound) => {
        const le = String(bound / 1000)
        return `${name}_bucket${braces({ ...labels, le })} ${histogram.below(bound)}`
      }),
      `${name}_bucket${braces({ ...labels, le: '+Inf' })} ${histogram.count}`,
      `${name}_sum${braces(labels)} ${histogram.sum / 1000}`,
      `${name}_count${braces(labels)} ${histogram.count}`,
    ])
    if (lines.length > 0) this.#lines.push(...head(name, 'histogram', help), ...lines)
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

const head = (name: string, type: string, help: string): readonly string[] => [
  `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
  `# TYPE ${name} ${type}`,
]

function braces(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${quoted(String(value))}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const quoted = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
