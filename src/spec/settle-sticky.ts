// What does `sticky` come to, once its short form is written out?

import { defaults } from './defaults.ts'
import type { Service } from './model.ts'
import type { RawService } from './schema.ts'
import { durationOf } from './settle-check.ts'
import { pathOf } from './settle-route.ts'
import type { Loose } from './site.ts'

const seconds = (text: string): number => Math.ceil(durationOf(text, text as '1s') / 1000)

/** Nothing where the file is silent. */
export function settleSticky(raw: Loose<RawService>['sticky']): Pick<Service, 'sticky'> {
  const long = typeof raw === 'string' ? { cookie: raw } : raw
  if (long?.cookie === undefined) return {}
  const { idle, life, domain } = long
  return {
    sticky: {
      cookie: long.cookie,
      path: pathOf(long.path) ?? defaults.sticky.path,
      sameSite: long.same_site ?? defaults.sticky.same_site,
      waitMs: durationOf(long.wait, defaults.sticky.wait),
      keepWhileDraining: (long.drain ?? defaults.sticky.drain) === 'keep',
      ...(idle === undefined ? {} : { idleSeconds: seconds(idle) }),
      ...(life === undefined ? {} : { lifeSeconds: seconds(life) }),
      ...(domain === undefined ? {} : { domain }),
    },
  }
}
