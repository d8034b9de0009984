// Who is a client, for a limit? Its address, as far as it can be believed, or what it says. Pure.

import { addressBytes, isIpv4, type Networks } from '../../foundation/addresses.ts'
import type { Asked } from '../routing/asked.ts'
import type { LimitedBy } from './model.ts'

/** Longer values are cut: they would fill the memory that keys may take. */
const keyMost = 256

/** The key of a request; `undefined` when it has none, and is not limited. */
export function limitKey(
  { by, name = '' }: LimitedBy,
  trusted: Networks | undefined,
  asked: Asked,
): string | undefined {
  if (by === 'header') return asked.field(name)?.slice(0, keyMost)
  return networkOf(trusted === undefined ? asked.source : forwardedSource(asked, trusted))
}

/** Of an IPv6 address the first 64 bits: all that comes from one customer counts as one. */
export function networkOf(source: string): string {
  const bytes = addressBytes(source)
  if (bytes === undefined || isIpv4(source)) return source
  return Buffer.from(bytes.subarray(0, 8)).toString('hex')
}

/**
 * The client as the proxies that are trusted saw it: the last address of X-Forwarded-For that is
 * none of theirs. What stands before it anybody may have written.
 */
export function forwardedSource(asked: Asked, trusted: Networks): string {
  if (!trusted.has(asked.source)) return asked.source
  const named = (asked.field('x-forwarded-for') ?? '').split(',').map((one) => one.trim())
  const client = named.findLast((one) => addressBytes(one) === undefined || !trusted.has(one))
  return client !== undefined && addressBytes(client) !== undefined ? client : asked.source
}
