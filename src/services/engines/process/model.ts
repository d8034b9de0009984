// The words of the process host: a replica in its hands, and what it needs to look after one.

import type { Random } from '../../../foundation/random.ts'
import type { Clock, Milliseconds } from '../../../foundation/time.ts'
import type { ReplicaProcess } from '../../model.ts'

/** What every replica is given by its host. */
export interface ReplicaPorts {
  /** The state folder. */
  readonly state: string
  readonly clock: Clock
  readonly random: Random
  /** What `process()` returns is another than before. */
  changed(): void
  event(rule: string, why: string, seen: Readonly<Record<string, unknown>>): void
  /** Nothing of it is left, neither alive nor on disk: it is to be forgotten. */
  gone(): void
}

/** One replica in the hands of a host. */
export interface HostedReplica {
  process(): ReplicaProcess
  /** Called once a second: looks whether what should be alive is, and answers. */
  sweep(): void
  stop(within: Milliseconds): void
  /** Lets go of it and leaves it running. */
  leave(): void
}

/** How guards are started. */
export interface Surroundings {
  /** The version that the agent belongs to. */
  readonly version: string
  /** The agent's environment: a replica's own is added to it. */
  readonly environment: Readonly<Record<string, string>>
}
