// What may be asked of a running agent: the one list that its server and the command line share.

import type { JournalEntry } from '../control/journal.ts'
import type { FaultCode } from '../foundation/fault.ts'
import type { Instant } from '../foundation/time.ts'
import type { ApplyReport, Explanation, FileInForce, Status } from './model.ts'

/** Asks of an agent and their answers, by path. All but `events` are one answer. */
export interface AgentApi {
  '/status': { readonly ask: Record<never, never>; readonly answer: Status }
  '/why': { readonly ask: { readonly subject: string }; readonly answer: Explanation }
  '/apply': {
    readonly ask: {
      readonly path: string
      readonly text: string
      /** The variables the file refers to, from the environment of whoever applies it. */
      readonly env: Readonly<Record<string, string>>
      readonly dryRun: boolean
      /** Of several machines: a version that is overruled although this file does not follow it. */
      readonly over?: number | undefined
    }
    readonly answer: ApplyReport
  }
  /** Of several machines: the file in force. */
  '/file': { readonly ask: Record<never, never>; readonly answer: FileInForce }
  /** Of several machines: has one run nothing, or its part again. */
  '/machine': {
    readonly ask: {
      readonly machine: string
      readonly verb: 'drain' | 'undrain'
      readonly force: boolean
    }
    readonly answer: Done
  }
  /** Of several machines: ends all of them. */
  '/down-everywhere': { readonly ask: Record<never, never>; readonly answer: Done }
  '/deploy': { readonly ask: { readonly service: string }; readonly answer: Done }
  '/restart': { readonly ask: { readonly subject: string }; readonly answer: Done }
  '/drain': {
    readonly ask: { readonly server: string; readonly force: boolean }
    readonly answer: Done
  }
  '/maintenance': {
    readonly ask: { readonly subject: string; readonly on: boolean }
    readonly answer: Done
  }
  '/undrain': { readonly ask: { readonly server: string }; readonly answer: Done }
  /** Something that an operator wants of a database or of one of its members. */
  '/database': { readonly ask: DatabaseOrder; readonly answer: DatabaseOrdered }
  /** How an application reaches a database. The answer holds its password. */
  '/database-url': {
    readonly ask: { readonly database: string; readonly door: 'write' | 'read' }
    readonly answer: { readonly url: string }
  }
  /** Ends the agent: with all it keeps up, or `leave` it running for the next one. */
  '/down': { readonly ask: { readonly leave: boolean }; readonly answer: Done }
}

/** See `/database`. */
export type DatabaseOrder =
  /** A planned move: to this member, or to whoever is nearest. */
  | { readonly verb: 'switchover'; readonly database: string; readonly to?: string | undefined }
  /** Replaces a primary that is lost. */
  | { readonly verb: 'failover'; readonly database: string; readonly acceptDataLoss: boolean }
  | { readonly verb: 'approve' | 'pause' | 'resume'; readonly database: string }
  | { readonly verb: 'promote' | 'reinit'; readonly member: string }
  /** Starts the servers of all members, or of one, anew, one after another; `stop`: no more. */
  | {
      readonly verb: 'restart'
      readonly database: string
      readonly only?: string | undefined
      readonly stop: boolean
    }
  | { readonly verb: 'backup'; readonly database: string }
  | {
      readonly verb: 'restore'
      readonly database: string
      /** Everything up to there; without it all there is. */
      readonly to?: Instant | undefined
      /** As a new database of this name; without it in place of what it has. */
      readonly as?: string | undefined
    }
  | { readonly verb: 'verify'; readonly database: string; readonly repair: boolean }

/** An order was taken up; how far it is shows `/status`. */
export interface DatabaseOrdered {
  readonly database: string
  /** The epoch at which it was taken up. */
  readonly epoch: number
  /** The member that is meant. */
  readonly member?: string
  /** The work that was begun, by its id in the status. */
  readonly work?: string
}

/** It was taken up; what becomes of it is seen in `/status` and told in `/events`. */
export type Done = Readonly<Record<string, never>>

/** An entry of the journal, as it is told. */
export type EventLine = JournalEntry

/** What an asker sends. One link carries one question. */
export type AgentAsk =
  | {
      readonly [Path in keyof AgentApi]: {
        readonly kind: 'ask'
        readonly path: Path
        readonly ask: AgentApi[Path]['ask']
      }
    }[keyof AgentApi]
  /** The last entries of the journal, oldest first, and with `follow` each one from then on. */
  | { readonly kind: 'events'; readonly last: number; readonly follow: boolean }

/** What an agent sends back. */
export type AgentReply =
  | { readonly kind: 'answer'; readonly answer: AgentApi[keyof AgentApi]['answer'] }
  | { readonly kind: 'fault'; readonly fault: ApiFault }
  | { readonly kind: 'entry'; readonly entry: EventLine }
  /** No more entries. */
  | { readonly kind: 'end' }

/** How a refusal travels. */
export interface ApiFault {
  readonly code: FaultCode
  readonly message: string
  readonly remedy: string | undefined
}
