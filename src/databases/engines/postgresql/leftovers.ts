// What has an earlier server left behind that would keep the next one from starting?

import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { statOf } from '../../../control/processes.ts'
import { Fault, systemCode } from '../../../foundation/fault.ts'
import { ms } from '../../../foundation/time.ts'
import { parseSegmentName } from './lsn.ts'
import { pauseFor } from './patience.ts'

const lookEvery = ms(20)
/** So many looks after its parent's end, a process that is left over is killed. */
const leftoverLooks = 100

/**
 * Waits for the processes of a server that was killed, and takes its lock away: PostgreSQL takes a
 * zombie, or another process that has its number by now, for a living server. Rejects with a
 * `Fault` where a server runs that is not ours.
 */
export async function clearLeftovers(data: string, signal: AbortSignal): Promise<void> {
  const lock = join(data, 'postmaster.pid')
  const folder = realpathSync(data)
  for (let looks = 0; ; looks += 1) {
    const alive = processesIn(folder)
    if (alive.length === 0) break
    const first = existsSync(lock) ? Number.parseInt(readFileSync(lock, 'utf8'), 10) : undefined
    if (first !== undefined && alive.includes(first)) {
      throw new Fault('in-use', `a server that is not ours runs on ${data}: process ${first}`, {
        remedy: `stop it, and keep whatever started it from doing so again`,
      })
    }
    // Its own processes end when they notice that their parent has; one that computes does not.
    if (looks === leftoverLooks) for (const pid of alive) kill(pid)
    await pauseFor(lookEvery, signal)
  }
  rmSync(lock, { force: true })
}

/** What works on data: somebody's shell may be in their folder as well. */
const programs: readonly string[] = ['postgres', 'pg_rewind']

/** Every process of PostgreSQL works in the folder of its data. */
function processesIn(folder: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) !== folder || statOf(pid)?.dead !== false) return false
        return programs.includes(readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd())
      } catch (thrown) {
        if (['ENOENT', 'ESRCH', 'EACCES'].includes(systemCode(thrown) ?? '')) return false
        throw thrown
      }
    })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (thrown) {
    if (systemCode(thrown) !== 'ESRCH') throw thrown
  }
}

/**
 * A server that tried to follow, and could not, has fetched the history of a timeline that it is
 * not on. It would refuse to start because of it; whoever can follow fetches it again.
 */
export function dropLoneHistories(wal: string, segmentBytes: number): void {
  const names = readdirSync(wal)
  const last = Math.max(0, ...names.map((each) => parseSegmentName(each, segmentBytes)?.line ?? 0))
  for (const name of names) {
    if (!/^[0-9A-F]{8}\.history$/.test(name)) continue
    if (Number.parseInt(name.slice(0, 8), 16) > last) rmSync(join(wal, name))
  }
}
