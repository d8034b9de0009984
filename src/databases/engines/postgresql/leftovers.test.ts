// Whoever works in the folder of a server's data is not for that a part of it.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '../../../foundation/fault.ts'
import { clearLeftovers } from './leftovers.ts'

/** A process that works in `folder`, by the name of its program. */
async function working(
  folder: string,
  program: string,
): Promise<AsyncDisposable & { pid: number }> {
  const child = spawn(program, ['60'], { cwd: folder, stdio: 'ignore' })
  await once(child, 'spawn')
  return {
    pid: child.pid as number,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'close')
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await ended
      }
    },
  }
}

test('a shell in the folder of the data is left alone, and a server is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'leftovers-'))
  const elsewhere = mkdtempSync(join(tmpdir(), 'leftovers-'))
  const lock = join(folder, 'postmaster.pid')
  const { signal } = new AbortController()
  try {
    await using shell = await working(folder, 'sleep')
    writeFileSync(lock, `${shell.pid}\n`)
    await clearLeftovers(folder, signal)
    assert.equal(existsSync(lock), false)
    process.kill(shell.pid, 0)

    const program = join(elsewhere, 'postgres')
    copyFileSync('/bin/sleep', program)
    await using server = await working(folder, program)
    writeFileSync(lock, `${server.pid}\n`)
    await assert.rejects(
      clearLeftovers(folder, signal),
      (thrown) => thrown instanceof Fault && thrown.code === 'in-use',
    )
  } finally {
    for (const each of [folder, elsewhere]) rmSync(each, { recursive: true, force: true })
  }
})
