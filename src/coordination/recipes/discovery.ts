// Where does a service answer? Its instances announce themselves, and whoever needs them follows.

import { Fault } from '../../foundation/fault.ts'
import type { Coordinator } from '../coordinator.ts'
import type { Member } from '../model.ts'
import { type Codec, json } from './documents.ts'
import { join, type Membership, members } from './membership.ts'

/** Where one instance of a service answers. */
export interface Instance {
  readonly address: string
  readonly port: number
  readonly zone?: string
  /** Whatever else those who call it should know. */
  readonly labels?: Readonly<Record<string, string>>
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === 'string'

/** Instances as JSON in a node. */
export const instanceCodec: Codec<Instance> = json((value) => {
  if (!isRecord(value)) throw new Fault('corrupt', 'an instance is an object')
  const { address, port, zone, labels = {} } = value
  const known =
    isText(address) &&
    Number.isInteger(port) &&
    (zone === undefined || isText(zone)) &&
    isRecord(labels) &&
    Object.values(labels).every(isText)
  if (!known) throw new Fault('corrupt', `this is no instance: ${JSON.stringify(value)}`)
  return value as unknown as Instance
})

/** Announces an instance for as long as what is returned is not disposed and the session lives. */
export const announce = (
  coordinator: Coordinator,
  path: string,
  id: string,
  instance: Instance,
  signal?: AbortSignal,
): Promise<Membership<Instance>> => join(coordinator, path, id, instance, instanceCodec, signal)

/** The instances there are, oldest first, now and after every change. */
export const discover = (
  coordinator: Coordinator,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Member<Instance>[], never> =>
  members(coordinator, path, instanceCodec, signal)
