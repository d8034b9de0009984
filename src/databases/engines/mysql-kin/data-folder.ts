// Whose is this data folder? A mark in it says which database made it, and with which version.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../../../control/whole-file.ts'
import { describeError, Fault, systemCode } from '../../../foundation/fault.ts'

/** What we leave in a data folder; the server passes over a file of this name. */
export interface Mark {
  readonly database: string
  /** Tells databases of the same name apart; `undefined` until it was first promoted. */
  readonly identity: string | undefined
  /** Of the server that made the folder. */
  readonly version: string
  /** As a primary it waits for acknowledgements. */
  readonly waits?: boolean
  /** Of a server that was taken over, until it first starts as ours: what it has. */
  readonly begins?: string | undefined
}

const fileOf = (folder: string): string => join(folder, 'alwayson.json')

/** What a folder is, before anything in it is used. */
export type FolderState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'ours'; readonly mark: Mark }
  /** It is not touched; why completes "because …", and what can be done is the remedy. */
  | { readonly kind: 'foreign'; readonly why: string; readonly remedy: string }

const series = (version: string): string => version.split('.').slice(0, 2).join('.')

/** What is installed: `MariaDB`, and its version. */
export interface Product {
  readonly name: string
  readonly version: string
}

/** Looks at the data folder of one member of a database. */
export function stateOf(folder: string, database: string, { name, version }: Product): FolderState {
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return { kind: 'absent' }
    const why = `it cannot be read: ${describeError(thrown)}`
    return { kind: 'foreign', why, remedy: `give ${folder} to the server’s user` }
  }
  if (names.length === 0) return { kind: 'absent' }
  const aside = `move ${folder} elsewhere, or name another folder with \`data:\``
  const mark = readMark(folder)
  if (mark === undefined) {
    return { kind: 'foreign', why: 'it holds files that are not this database’s', remedy: aside }
  }
  if (mark.database !== database) {
    const why = `it belongs to the database ${mark.database}`
    return { kind: 'foreign', why, remedy: aside }
  }
  if (series(mark.version) !== series(version)) {
    const why = `${name} ${mark.version} made it, and ${version} is installed`
    const remedy = `install ${name} ${series(mark.version)}, or ${aside} to have it copied anew`
    return { kind: 'foreign', why, remedy }
  }
  return { kind: 'ours', mark }
}

export function readMark(folder: string): Mark | undefined {
  if (!existsSync(fileOf(folder))) return undefined
  try {
    const { database, identity, version, waits, begins } = JSON.parse(
      readFileSync(fileOf(folder), 'utf8'),
    )
    if (typeof database !== 'string' || typeof version !== 'string') return undefined
    return {
      database,
      version,
      identity: typeof identity === 'string' ? identity : undefined,
      waits: waits === true,
      begins: typeof begins === 'string' ? begins : undefined,
    }
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}

/** Says whether it waits, for whoever starts it after a crash. */
export function markWaits(folder: string, waits: boolean): void {
  const known = readMark(folder)
  if (known !== undefined && known.waits !== waits) writeMark(folder, { ...known, waits })
}

export const writeMark = (folder: string, mark: Mark): void =>
  writeWhole(fileOf(folder), `${JSON.stringify(mark)}\n`)

/** Throws a Fault unless the folder is this database's. */
export function assertOurs(folder: string, state: FolderState): Mark {
  if (state.kind === 'ours') return state.mark
  if (state.kind === 'absent') {
    throw new Fault('not-found', `${folder} holds no data`, {
      remedy: 'let this member be initialised, or copied from the primary',
    })
  }
  throw new Fault('refused', `${folder} cannot be used: ${state.why}`, { remedy: state.remedy })
}
