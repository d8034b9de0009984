// What do the limits of a frontend come to?

import type { Limit } from '../balancing/limits/model.ts'
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
): { readonly limits?: readonly Limit[] } {
  const limits = (raw ?? []).flatMap((one, index): readonly Limit[] => {
    if (one?.rate === undefined) return []
    const by = one.by ?? 'source'
    const at = [...path, index]
    if (by === 'header' && one.name === undefined) {
      site.fault(at, '`name` is missing', 'add the name of the header', { absence: true })
    }
    const wrong = by === 'header' ? 'trust' : 'name'
    if (one[wrong] !== undefined) {
      site.fault([...at, wrong], `\`${wrong}\` says nothing here`, 'leave it out', { at: 'key' })
    }
    const [amount = '1', unit = 's'] = one.rate.split('/')
    const perSecond = Number(amount) / (seconds[unit] ?? 1)
    const trust = one.trust?.filter((network) => network !== undefined)
    return [
      {
        id: `${frontend}/${index}`,
        by,
        perSecond,
        burst: one.burst ?? Math.max(1, Math.ceil(perSecond)),
        ...(one.name === undefined ? {} : { name: one.name.toLowerCase() }),
        ...(trust === undefined ? {} : { trust }),
      },
    ]
  })
  return limits.length === 0 ? {} : { limits }
}
