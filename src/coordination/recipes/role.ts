// Which nodes hold a role, and what stands in them?
//
//   <path>/epoch   persistent   its version is the epoch; who holds it since then
//   <path>/lock    ephemeral    there as long as the holder's session is
//   <path>/beat    persistent   the holder's last renewal, or that it has let go

import { Fault } from '../../foundation/fault.ts'
import { type Milliseconds, ms } from '../../foundation/time.ts'
import type { Epoch, NodeCheck } from '../model.ts'
import { type Codec, json } from './documents.ts'

/** The nodes of a role. */
export interface RolePaths {
  readonly epoch: string
  readonly lock: string
  readonly beat: string
}

export const pathsOf = (path: string): RolePaths => ({
  epoch: `${path}/epoch`,
  lock: `${path}/lock`,
  beat: `${path}/beat`,
})

/** The condition that a role is still held at this epoch. */
export const guardOf = ({ epoch: path }: RolePaths, version: Epoch): NodeCheck => ({
  kind: 'check',
  path,
  version,
})

/** Who holds the role at the epoch that is the node's version; undefined: nobody ever has. */
export interface Claim {
  readonly id: string
  /** Which try it was, so that whoever lost the answer can tell that it was theirs. */
  readonly attempt: string
}

/** The last word of a holder. */
export interface Beat {
  readonly epoch: Epoch
  readonly id: string
  /** How long after it was sent the holder may still act. */
  readonly lease: Milliseconds
  /** The holder has stopped acting, and said so: nobody need wait. */
  readonly released: boolean
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

export const claimCodec: Codec<Claim> = json((value) => {
  if (!isRecord(value) || typeof value.id !== 'string' || typeof value.attempt !== 'string') {
    throw new Fault('corrupt', `this is no claim to a role: ${JSON.stringify(value)}`)
  }
  return { id: value.id, attempt: value.attempt }
})

export const beatCodec: Codec<Beat> = json((value) => {
  const known =
    isRecord(value) &&
    typeof value.epoch === 'number' &&
    typeof value.id === 'string' &&
    typeof value.lease === 'number' &&
    typeof value.released === 'boolean'
  if (!known) throw new Fault('corrupt', `this is no renewal: ${JSON.stringify(value)}`)
  const { epoch, id, lease, released } = value as unknown as Beat
  return { epoch, id, lease: ms(lease), released }
})
