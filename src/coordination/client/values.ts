// How do the client's values stand in the records of the protocol? Pure.

import { unreachable } from '../../foundation/invariant.ts'
import { ms } from '../../foundation/time.ts'
import type { RequestOf } from '../../wire/jute/messages.ts'
import type { MultiOperation, MultiResult } from '../../wire/jute/multi.ts'
import { anyVersion, createFlag } from '../../wire/jute/opcodes.ts'
import { openToAll } from './acl.ts'
import { nameOf, ZooKeeperError } from './errors.ts'
import type { Change, Changed, CreateOptions, Read, ReadResult } from './model.ts'

const noBytes = new Uint8Array(0)

/** What travels for data given as text, bytes or not at all. */
export const bytesOf = (data: Uint8Array | string | undefined): Uint8Array =>
  typeof data === 'string' ? Buffer.from(data) : (data ?? noBytes)

/** A copy that is the caller's: what was read is only lent. */
export const copyOf = (data: Uint8Array | null): Buffer => Buffer.from(data ?? noBytes)

/** Whether the server puts a number behind the path of a node that is made so. */
export const isSequential = ({ mode }: CreateOptions): boolean =>
  mode?.endsWith('-sequential') === true

/** The kinds of creation that answer with a stat. */
type Creation = 'create2' | 'createContainer' | 'createTTL'

const creationName = ({ mode }: CreateOptions): Creation => {
  if (mode === 'container') return 'createContainer'
  return mode === 'ttl' || mode === 'ttl-sequential' ? 'createTTL' : 'create2'
}

/** The record that asks for a node. */
export const creationRequest = (
  path: string,
  data: Uint8Array | string | undefined,
  { mode = 'persistent', acl = openToAll, ttl = ms(0) }: CreateOptions,
): RequestOf<'createTTL'> => ({ path, data: bytesOf(data), acl, flags: createFlag[mode], ttl })

/** The operation, and its record, that make a node. */
export const creationOf = (data: Uint8Array | string | undefined, options: CreateOptions) => ({
  name: creationName(options),
  sequential: isSequential(options),
  request: (path: string) => creationRequest(path, data, options),
})

/** One change as the record of a multi; `real` turns its path into the server's. */
export function operationOf(
  change: Change,
  real: (path: string, verb: string, sequential?: boolean) => string,
): MultiOperation {
  const sequential = change.kind === 'create' && isSequential(change)
  const path = real(change.path, change.kind, sequential)
  switch (change.kind) {
    case 'create': {
      const name = creationName(change)
      // Only containers and nodes with a TTL answer with a stat within a multi (Op.java).
      const kind = name === 'create2' ? 'create' : name
      return { kind, ...creationRequest(path, change.data, change) }
    }
    case 'set': {
      const { data, version = anyVersion } = change
      return { kind: 'setData', path, data: bytesOf(data), version }
    }
    case 'delete':
      return { kind: 'delete', path, version: change.version ?? anyVersion }
    case 'check':
      return { kind: 'check', path, version: change.version }
    default:
      return unreachable(change)
  }
}

/**
 * What a multi did. Throws the error of the change that failed first: the server puts 0 before it
 * and `runtime-inconsistency` behind it.
 */
export function changedBy(
  results: readonly MultiResult[],
  changes: readonly Change[],
  shown: (path: string) => string,
): readonly Changed[] {
  return results.map((result, at) => {
    switch (result.kind) {
      case 'create':
        return { kind: 'create', path: shown(result.path), stat: undefined }
      case 'create2':
        return { kind: 'create', path: shown(result.path), stat: result.stat }
      case 'setData':
        return { kind: 'set', stat: result.stat }
      case 'delete':
      case 'check':
        return { kind: result.kind }
      default:
        throw multiError(results, changes, at)
    }
  })
}

function multiError(
  results: readonly MultiResult[],
  changes: readonly Change[],
  seen: number,
): ZooKeeperError {
  const first = results.findIndex((result) => result.kind === 'error' && result.error !== 0)
  const failedAt = first === -1 ? seen : first
  const result = results[failedAt]
  const error = result?.kind === 'error' ? nameOf(result.error) : 'api-error'
  const change = changes[failedAt]
  const verb = `do ${changes.length} changes at once, of which '${change?.kind}' fails:`
  return new ZooKeeperError(error, verb, { failedAt, path: change?.path ?? '' })
}

/** One read as the record of a multi. */
export const readOf = (read: Read, path: string): MultiOperation => ({
  kind: read.kind === 'data' ? 'getData' : 'getChildren',
  path,
  watch: false,
})

/** What one read of a multi gave. */
export function readResultOf(result: MultiResult, read: Read | undefined): ReadResult {
  switch (result.kind) {
    case 'getData':
      return { kind: 'data', data: copyOf(result.data), stat: result.stat }
    case 'getChildren':
      return { kind: 'children', children: result.children }
    default: {
      const error = result.kind === 'error' ? nameOf(result.error) : 'api-error'
      return { kind: 'error', error: new ZooKeeperError(error, 'read', { path: read?.path ?? '' }) }
    }
  }
}
