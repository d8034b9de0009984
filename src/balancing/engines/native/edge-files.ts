// What stands on disk for each edge: its socket, and a record by which a silent one can be ended.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessIdentity } from '../../../control/processes.ts'
import { systemCode } from '../../../foundation/fault.ts'

/** The files of one edge process. */
export interface EdgeFiles {
  readonly socket: string
  readonly record: string
  /** Where it waits for the listeners of the edge before it: there as long as it does. */
  readonly handOver: string
}

/** Names the files of an edge process; a successor needs another `serial` than its predecessor. */
export const edgeFiles = (folder: string, edge: number, serial: number): EdgeFiles => {
  const name = join(folder, 'edges', `${edge}-${serial.toString(36)}`)
  return { socket: `${name}.sock`, record: `${name}.json`, handOver: `${name}.hand` }
}

/** Makes the folder of the edges, for this user alone, and names their common log. */
export function makeEdgeFolder(folder: string): { readonly logPath: string } {
  mkdirSync(join(folder, 'edges'), { recursive: true, mode: 0o700 })
  return { logPath: join(folder, 'edges', 'edges.log') }
}

/** An edge that an earlier agent left behind, dead or alive. */
export interface FoundEdge {
  readonly edge: number
  readonly files: EdgeFiles
  /** `undefined` if the record was never written whole. */
  readonly identity: ProcessIdentity | undefined
}

/** Every edge that has a file in the folder. */
export function findEdges(folder: string): readonly FoundEdge[] {
  const names = new Set(
    entriesOf(join(folder, 'edges')).flatMap(
      (name) => /^\d+-[0-9a-z]+(?=\.)/.exec(name)?.[0] ?? [],
    ),
  )
  return [...names].map((name) => {
    const [edge = '', serial = ''] = name.split('-')
    const files = edgeFiles(folder, Number(edge), Number.parseInt(serial, 36))
    return { edge: Number(edge), files, identity: readRecord(files.record) }
  })
}

/** Keeps who the edge is, for an agent that cannot get a word out of it. */
export function writeRecord(files: EdgeFiles, identity: ProcessIdentity): void {
  writeFileSync(files.record, JSON.stringify({ format: 1, ...identity }), { mode: 0o600 })
}

/** Removes what an edge that is gone left behind. */
export function removeFiles(files: EdgeFiles): void {
  for (const path of [files.socket, files.record, files.handOver]) rmSync(path, { force: true })
}

function readRecord(path: string): ProcessIdentity | undefined {
  try {
    const { pid, startTicks } = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessIdentity>
    if (typeof pid !== 'number' || typeof startTicks !== 'number') return undefined
    return { pid, startTicks }
  } catch (thrown) {
    // A record that is missing or cut short names nobody: its socket still may.
    if (systemCode(thrown) === 'ENOENT' || thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}

function entriesOf(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return []
    throw thrown
  }
}
