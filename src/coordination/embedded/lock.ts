// Whose folder is this? One server at a time: two would overwrite each other's log.

import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { identify, isAlive } from '../../control/processes.ts'
import { Fault, systemCode } from '../../foundation/fault.ts'

const lockName = /^lock\.(\d+)\.(\d+)$/

/**
 * Takes a folder for this process until it is disposed. What a dead process left is cleared away.
 * Throws a Fault `in-use` while another server has it, also one of this process. Each puts its own
 * name down before it looks for others, so that of two that come at once never both stay.
 */
export function lockFolder(folder: string): Disposable {
  const self = identify(process.pid)
  if (self === undefined) throw new Fault('unsupported', 'this process is not in /proc')
  const own = join(folder, `lock.${self.pid}.${self.startTicks}`)
  try {
    writeFileSync(own, '', { flag: 'wx', mode: 0o600 })
  } catch (thrown) {
    if (systemCode(thrown) === 'EEXIST') throw inUse(folder, self.pid)
    throw thrown
  }
  for (const name of readdirSync(folder)) {
    const [, pid, startTicks] = lockName.exec(name) ?? []
    if (pid === undefined || join(folder, name) === own) continue
    if (isAlive({ pid: Number(pid), startTicks: Number(startTicks) })) {
      rmSync(own)
      throw inUse(folder, Number(pid))
    }
    rmSync(join(folder, name), { force: true })
  }
  return { [Symbol.dispose]: () => rmSync(own, { force: true }) }
}

const inUse = (folder: string, pid: number): Fault =>
  new Fault('in-use', `the folder ${folder} belongs to the coordinator of process ${pid}`, {
    remedy: 'stop that one first, or name another folder',
  })
