// What do the limits of a frontend come to?

import type { ConcurrencyLimit, Limit, LimitedBy } from '../balancing/limits/model.ts'
import type { RawFrontend } from './schema.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** Nothing where the file is silent. */
export function settleLimits(
  raw: Loose<RawFrontend>['limits'],
  frontend: string,
  path: Path,
  site: Site,
): { readonly limits?: readonly Limit[]; readonly concurrency?: readonly ConcurrencyLimit[] } {
  const concurrency: ConcurrencyLimit[] = []
  const limits = (raw ?? []).flatMap((one, index): readonly Limit[] => {
    if (one === undefined) return []
    const by = one.by ?? 'source'
    const at = [...path, index]
    if (by === 'header' && one.name === undefined) {
      site.fault(at, '`name` is missing', 'add the name of the header', { absence: true })
    }
    const wrong = by === 'header' ? 'trust' : 'name'
    if (one[wrong] !== undefined) {
      site.fault([...at, wrong], `\`${wrong}\` says nothing here`, 'leave it out', { at: 'key' })
    }
    const trust = one.trust?.filter((network) => network !== undefined)
    const whom: LimitedBy = {
      by,
      ...(one.name === undefined ? {} : { name: one.name.toLowerCase() }),
      ...(trust === undefined ? {} : { trust }),
    }
    if (one.concurrent !== undefined) {
      const idle = (['rate', 'burst'] as const).find((key) => one[key] !== undefined)
      const remedy = 'make it a limit of its own in the list'
      if (idle !== undefined) {
        const message = `\`${idle}\` says nothing beside \`concurrent\``
        site.fault([...at, idle], message, remedy, { at: 'key' })
      }
      concurrency.push({ ...whom, concurrent: one.concurrent })
      return []
    }
    if (one.rate === undefined) {
      if (['rate', 'concurrent'].some((key) => site.has([...at, key]))) return []
      const remedy = 'add how often a client may ask, such as `rate: 100/s`'
      site.fault(at, '`rate` or `concurrent` is missing', remedy, { absence: true })
      return []
    }
    const [amount = '1', unit = 's'] = one.rate.split('/')
    const perSecond = Number(amount) / (seconds[unit] ?? 1)
    const burst = one.burst ?? Math.max(1, Math.ceil(perSecond))
    return [{ id: `${frontend}/${index}`, ...whom, perSecond, burst }]
  })
  return {
    ...(limits.length === 0 ? {} : { limits }),
    ...(concurrency.length === 0 ? {} : { concurrency }),
  }
}
