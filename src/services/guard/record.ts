// What does a guard leave on disk, so that the next agent finds its replica even if the guard is
// silent? One file a guard, written whole or not at all, without a secret in it.

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessIdentity } from '../../control/processes.ts'
import { Fault, systemCode } from '../../foundation/fault.ts'
import type { ProcessState } from '../model.ts'
import { type GuardRecord, type GuardStatus, recordFormat } from './protocol.ts'

/** The files of one guard. */
export interface GuardPaths {
  readonly record: string
  readonly socket: string
  /** What a guard says when it fails; empty otherwise. */
  readonly trouble: string
  readonly log: string
  /** Where its pipes are made, with an ending. */
  readonly pipes: string
}

/** The folder of the guards under a state folder. */
export const guardsFolder = (state: string): string => join(state, 'guards')

/** The folder of the logs under a state folder. */
export const logsFolder = (state: string): string => join(state, 'logs')

/** Where the guard of replica `id` keeps what. */
export function guardPaths(state: string, id: string): GuardPaths {
  const base = join(guardsFolder(state), id)
  return {
    record: `${base}.json`,
    socket: `${base}.sock`,
    trouble: `${base}.trouble`,
    log: join(logsFolder(state), `${id}.log`),
    pipes: base,
  }
}

/**
 * Makes the first record. Throws a Fault `already-running` if there is one: whoever finds it must
 * know whose it is before it may be replaced.
 */
export function claimRecord(path: string, record: GuardRecord): void {
  const draft = `${path}.${record.guard.pid}`
  try {
    writeFileSync(draft, textOf(record), { mode: 0o600 })
    // Unlike a rename, a link refuses to replace, and it appears with all of its content.
    linkSync(draft, path)
  } catch (thrown) {
    if (systemCode(thrown) !== 'EEXIST') throw thrown
    throw new Fault('already-running', `${path} exists: another guard has this replica`)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Replaces the record. */
export function writeRecord(path: string, record: GuardRecord): void {
  const draft = `${path}.${record.guard.pid}`
  try {
    writeFileSync(draft, textOf(record), { mode: 0o600 })
    renameSync(draft, path)
  } catch (thrown) {
    rmSync(draft, { force: true })
    throw thrown
  }
}

const textOf = (record: GuardRecord): string => `${JSON.stringify(record)}\n`

/**
 * Reads a record. Throws a Fault `corrupt` or `incompatible` that names the file, and the system's
 * own error if there is none.
 */
export function readRecord(path: string): GuardRecord {
  const value = parseJson(path, readText(path))
  const format = isObject(value) ? value.format : undefined
  if (isRecord(value)) return value
  if (typeof format === 'number' && format > recordFormat) {
    throw new Fault('incompatible', `${path} has format ${format}, this version reads up to 1`, {
      remedy: 'run the version of Always On that wrote it, or a newer one',
    })
  }
  throw new Fault('corrupt', `${path} is not the record of a guard`, { remedy: removeIt(path) })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') throw cause
    throw new Fault('corrupt', `${path} cannot be read`, { cause, remedy: removeIt(path) })
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Fault('corrupt', `${path} is cut short or damaged`, { cause, remedy: removeIt(path) })
  }
}

const removeIt = (path: string): string =>
  `see that no process of this replica is left, then remove it: rm ${path}`

type Loose = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether every field that is read of a record is there, whatever its format. */
function isRecord(value: unknown): value is GuardRecord {
  return (
    isObject(value) &&
    typeof value.boot === 'string' &&
    typeof value.version === 'string' &&
    isIdentity(value.guard) &&
    stopSignals.includes(value.stopSignal) &&
    isStatus(value.status)
  )
}

const stopSignals: readonly unknown[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']

const isIdentity = (value: unknown): value is ProcessIdentity =>
  isObject(value) && isCount(value.pid) && value.pid > 0 && isCount(value.startTicks)

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0

/** Whether `value` is a status that can be shown; also used on what comes over a link. */
export const isStatus = (value: unknown): value is GuardStatus =>
  isObject(value) &&
  [value.id, value.service, value.host].every((text) => typeof text === 'string') &&
  [value.revision, value.port, value.failures, value.restarts].every(isCount) &&
  typeof value.startedAt === 'number' &&
  (value.child === undefined || isIdentity(value.child)) &&
  isState(value.state)

const states: readonly ProcessState['kind'][] = [
  'starting',
  'running',
  'waiting',
  'crash-looping',
  'stopping',
  'stopped',
  'lost',
]

function isState(value: unknown): value is ProcessState {
  if (!isObject(value) || !states.includes(value.kind as ProcessState['kind'])) return false
  switch (value.kind) {
    case 'running':
      return isCount(value.pid) && typeof value.since === 'number'
    case 'waiting':
    case 'crash-looping':
      return isObject(value.exit) && typeof value.until === 'number'
    case 'stopping':
      return typeof value.since === 'number'
    default:
      return true
  }
}
