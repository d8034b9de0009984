// What are the databases of one machine's agent opened with? Types only.

import type { Adopter } from '../databases/adoption/adopter.ts'
import type { Services } from '../databases/adoption/local.ts'
import type { CheckPrograms, OpenMember } from '../databases/engine.ts'
import type { EngineName } from '../databases/model.ts'
import type { Clock } from '../foundation/time.ts'
import type { DatabaseFolders } from './database-folders.ts'
import type { WatchedKeys } from './machine-keys.ts'

/** This machine's place in its cluster. */
export interface ClusterPlace {
  readonly machine: string
  /** What everybody in it knows. */
  readonly secret: string
  /** Its certificate, kept in view for as long as there are databases. */
  readonly keys: WatchedKeys
}

/** What they are opened with. */
export interface AgentDatabasesOptions {
  readonly folders: DatabaseFolders
  readonly clock: Clock
  readonly version: string
  /** undefined where the machine is alone. */
  readonly cluster: ClusterPlace | undefined
  /** By the name of an engine; loaded when a file asks for it. */
  readonly engines: (engine: EngineName) => Promise<OpenMember>
  readonly adopters: (engine: EngineName) => Promise<Adopter>
  readonly services: Services
  readonly programs: (engine: EngineName) => Promise<CheckPrograms>
  readonly changed: () => void
  readonly event: (
    rule: string,
    subject: string,
    why: string,
    actions?: readonly string[],
    seen?: Readonly<Record<string, unknown>>,
  ) => void
}
