// A unit is stopped and kept from the next boot by systemd's own command; what stands in for that
// here writes down what it is asked, and ends the process that it was told of.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { identify } from '../../control/processes.ts'
import { Fault } from '../../foundation/fault.ts'
import { openClock } from '../../foundation/time.ts'
import { endServer, systemd } from './local.ts'
import type { LocalServer } from './model.ts'

const unit = 'postgresql@15-main.service'
const soon = (): AbortSignal => AbortSignal.timeout(60_000)

/** A `systemctl` before all others on the path. */
class StandIn implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'ao-systemctl-'))
  readonly #path = process.env.PATH

  constructor(script: string) {
    const file = join(this.folder, 'systemctl')
    writeFileSync(file, `#!/bin/sh\necho "$@" >> ${this.folder}/asked\n${script}\n`)
    chmodSync(file, 0o755)
    process.env.PATH = `${this.folder}:${this.#path}`
  }

  get asked(): readonly string[] {
    return readFileSync(join(this.folder, 'asked'), 'utf8').trim().split('\n')
  }

  [Symbol.dispose](): void {
    process.env.PATH = this.#path
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const serverOf = (child: ChildProcess): LocalServer => {
  const found = identify(child.pid ?? 0)
  if (found === undefined) throw new Error('it has ended already')
  return { ...found, uid: 0, folder: '/', program: process.execPath, unit }
}

suite('a server that is a unit of systemd', () => {
  test('is ended by that, and not by a signal of ours', async () => {
    const child = spawn('sleep', ['600'])
    try {
      using standIn = new StandIn(`[ "$1" = stop ] && kill -KILL ${child.pid} || true`)
      const ended = once(child, 'exit')
      const how = { services: systemd, clock: openClock() }
      await endServer(serverOf(child), 'SIGTERM', how, soon())
      assert.deepEqual(await ended, [null, 'SIGKILL'])
      assert.deepEqual(standIn.asked, [`stop ${unit}`, `disable ${unit}`])
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('runs on where systemd refuses, and it is said what that said', async () => {
    const child = spawn('sleep', ['600'])
    try {
      using standIn = new StandIn('echo "Access denied" >&2; exit 1')
      const how = { services: systemd, clock: openClock() }
      await assert.rejects(
        endServer(serverOf(child), 'SIGTERM', how, soon()),
        (thrown) =>
          thrown instanceof Fault &&
          thrown.message === `systemctl stop ${unit} was refused` &&
          String(thrown.cause).includes('Access denied') &&
          thrown.remedy !== undefined,
      )
      assert.deepEqual(standIn.asked, [`stop ${unit}`])
      assert.equal(child.exitCode ?? child.signalCode, null)
    } finally {
      child.kill('SIGKILL')
    }
  })
})
