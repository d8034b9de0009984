// The words of a take-over: servers that run already, and what is known of them. Types only.

import type { DatabaseAccounts } from '../engine.ts'
import type { Bind, DatabasePlan, MemberPlan, Position } from '../model.ts'

/** Why a server cannot be taken over as it is, and what to do about that. */
export interface Conflict {
  readonly what: string
  readonly remedy: string
}

/** What a server goes on with when it is taken over: it was set up so by somebody else. */
export interface Inherited {
  /** Its settings, without those that are ours; the file's own count more. */
  readonly settings: Readonly<Record<string, string>>
  /** Who is let in, in the server's own words (PostgreSQL: lines of pg_hba.conf). */
  readonly access: readonly string[]
  /** Folders of its sockets, for clients on its machine. */
  readonly sockets: readonly string[]
}

/** A server as it is seen over the network, before or while it is taken over. */
export interface RunningServer {
  readonly member: string
  /** Its host as a number: names lead to one. */
  readonly address: Bind
  readonly version: string
  /** What has to be the same on all: `15`, `10.11`. */
  readonly series: string
  /** Names what all members are copies of; the same for all that have no such name. */
  readonly identity: string
  readonly role: 'primary' | 'replica'
  /** It runs under one of our guards already. */
  readonly ours: boolean
  /** It knows our accounts, and lets them in. */
  readonly prepared: boolean
  /** Whom a replica receives from, while that goes on. */
  readonly follows: Bind | undefined
  readonly position: Position
  /** Who receives from it, by their own names; backups and the like are none of these. */
  readonly receivers: readonly string[]
  /** The folder of its data, by its own account. */
  readonly folder: string
  readonly inherited: Inherited
  /** One sentence for each thing that is different once it is ours. */
  readonly changes: readonly string[]
  readonly conflicts: readonly Conflict[]
}

/** What an adopter is told of one member. */
export interface AdoptedMember {
  readonly plan: DatabasePlan
  readonly member: MemberPlan
  readonly accounts: DatabaseAccounts
}

/** What was found out before a server is ended, kept until it runs as ours. JSON. */
export type Seal = Readonly<Record<string, string>>

/** Kept beside what a keeper remembers: how a member came to be ours. JSON, of this user alone. */
export interface AdoptionNote {
  /** `stopping`: its server is being ended; `moved`: its data is where ours are. */
  readonly state: 'prepared' | 'stopping' | 'moved'
  /** Where its data was. */
  readonly from: string
  /** The folder of the programs that it ran by; `undefined`: they are found by themselves. */
  readonly home?: string | undefined
  /** As whom it ran. */
  readonly user?: string | undefined
  /** Who took writes when this one was ended; itself, or whom it follows until that is ended. */
  readonly primary: string
  readonly inherited: Inherited
  readonly seal: Seal
}

/** The process that listens at a port of this machine. */
export interface LocalServer {
  readonly pid: number
  readonly startTicks: number
  readonly uid: number
  /** The program itself. */
  readonly program: string
  /** Its working folder: servers of databases work in that of their data. */
  readonly folder: string
  /** The unit of systemd that started it, if one did. */
  readonly unit: string | undefined
}
