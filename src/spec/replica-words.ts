// What do `${port}`, `${host}` and `${replica}` stand for, once it is known which replica is meant?

import type { Check } from '../health/model.ts'

/** One replica's, or one server's, own values. */
export interface ReplicaWords {
  readonly port: number
  readonly host: string
  readonly replica: string
}

/** The check with the replica's own values in its path and Host header. */
export function checkFor(check: Check, words: ReplicaWords): Check {
  if (check.kind !== 'http') return check
  const fill = (text: string): string =>
    text.replaceAll(/\$\{(port|host|replica)\}/g, (_, word: keyof ReplicaWords) => `${words[word]}`)
  const { path, host } = check
  if (!path.includes('${') && host?.includes('${') !== true) return check
  return { ...check, path: fill(path), host: host === undefined ? undefined : fill(host) }
}
