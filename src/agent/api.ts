// What may be asked of a running agent: the one list that its server and the command line share.

import type { JournalEntry } from '../control/journal.ts'
import type { FaultCode } from '../foundation/fault.ts'
import type { ApplyReport, Explanation, Status } from './model.ts'

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
    }
    readonly answer: ApplyReport
  }
  '/deploy': { readonly ask: { readonly service: string }; readonly answer: Done }
  '/restart': { readonly ask: { readonly subject: string }; readonly answer: Done }
  '/drain': {
    readonly ask: { readonly server: string; readonly force: boolean }
    readonly answer: Done
  }
  '/undrain': { readonly ask: { readonly server: string }; readonly answer: Done }
  /** Ends the agent: with all it keeps up, or `leave` it running for the next one. */
  '/down': { readonly ask: { readonly leave: boolean }; readonly answer: Done }
}

/** It was taken up; what becomes of it is seen in `/status` and told in `/events`. */
export type Done = Readonly<Record<string, never>>

/**
 * Entries of the journal, a line of JSON each, at GET `/events?follow=1&last=100`. With `follow`
 * the answer goes on until the asker or the agent ends it.
 */
export type EventLine = JournalEntry

/** How a refusal travels. */
export interface ApiFault {
  readonly code: FaultCode
  readonly message: string
  readonly remedy: string | undefined
}
