// Which policy does `balance` come to, and how is it called?

import type { HashRule, PolicyName } from '../balancing/model.ts'
import { defaults } from './defaults.ts'
import type { Balance } from './model.ts'
import type { RawService } from './schema.ts'
import type { Loose, Site } from './site.ts'
import type { Path } from './tree.ts'

/** The policy, with what it hashes; `undefined` where the file is silent. */
export function settleBalance(
  raw: Loose<RawService>['balance'],
  path: Path,
  site: Site,
): Balance | undefined {
  if (raw === undefined) return undefined
  if (typeof raw !== 'string') return settleHash(raw, path, site)
  const bound = defaults.hashBound
  if (raw === 'source' || raw === 'uri') return { policy: 'hash', hash: { by: raw, bound } }
  return { policy: raw }
}

function settleHash(
  raw: Exclude<NonNullable<Loose<RawService>['balance']>, string>,
  path: Path,
  site: Site,
): Balance {
  const by = raw.hash ?? 'source'
  const needsName = by === 'header' || by === 'cookie'
  if (needsName && raw.name === undefined && raw.hash !== undefined) {
    site.fault(path, `\`name\` is missing`, `add the name of the ${by}`, { absence: true })
  }
  const wrong = [
    ...(!needsName && raw.name !== undefined ? ['name'] : []),
    ...(by !== 'uri' && raw.depth !== undefined ? ['depth'] : []),
    ...(by !== 'uri' && raw.query !== undefined ? ['query'] : []),
  ]
  for (const key of raw.hash === undefined ? [] : wrong) {
    site.fault([...path, key], `\`${key}\` says nothing beside \`hash: ${by}\``, 'leave it out', {
      at: 'key',
    })
  }
  const bound = raw.bound ?? defaults.hashBound
  if (bound > 0 && bound < 1) {
    site.fault([...path, 'bound'], 'below 1 no server could take its share', 'write 1 or more')
  }
  const name = by === 'header' ? raw.name?.toLowerCase() : raw.name
  return {
    policy: 'hash',
    hash: {
      by,
      ...(needsName && name !== undefined ? { name } : {}),
      ...(by === 'uri' && raw.depth !== undefined ? { depth: raw.depth } : {}),
      ...(by === 'uri' && raw.query === true ? { query: true } : {}),
      ...(bound >= 1 ? { bound } : {}),
    },
  }
}

/** A policy in the words of the file. */
export function describeBalance({ policy, hash }: Balance): string {
  if (hash === undefined) return policy
  const name = hash.name === undefined ? '' : ` ${hash.name}`
  const depth = hash.depth === undefined ? '' : ` depth ${hash.depth}`
  const query = hash.query === true ? ' with query' : ''
  const bound = hash.bound === defaults.hashBound ? '' : ` bound ${hash.bound ?? 0}`
  return `${hash.by}${name}${depth}${query}${bound}`
}

/** What a route has of it. */
export const routed = ({ policy, hash }: Balance): { policy: PolicyName; hash?: HashRule } =>
  hash === undefined ? { policy } : { policy, hash }
