// Holds a guard to this: what its server says does not grow without end, and what it said last is
// there.

import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../../test/engines/waiting.ts'
import { type Link, openLink } from '../../control/link.ts'
import { identify } from '../../control/processes.ts'
import { ms } from '../../foundation/time.ts'
import { VirtualClock } from '../../simulation/clock.ts'
import { ServerLog } from '../engines/postgresql/trouble.ts'
import { openGuard } from './guard.ts'
import { KeptLog } from './kept-log.ts'
import { guardPaths } from './paths.ts'
import type { GuardMessage, HostMessage } from './protocol.ts'

const mebibyte = 1024 * 1024

/** A server that says 17 MiB at once, and then goes on. */
const program = `
  const line = 'x'.repeat(1023) + '\\n'
  for (let count = 0; count < 17 * 1024; count += 1) require('node:fs').writeSync(2, line)
  setInterval(() => console.error('ERROR: later'), 5)
`

interface Scene {
  readonly clock: VirtualClock
  readonly log: string
  readonly heard: GuardMessage[]
  readonly link: Link<HostMessage>
}

/** A guard in this process, whose server has said too much. */
async function scene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'log-'))
  using opened = new DisposableStack()
  opened.defer(() => rmSync(folder, { recursive: true, force: true }))
  const [clock, log] = [new VirtualClock(), join(folder, 'server.log')]
  const heard: GuardMessage[] = []
  const paths = guardPaths(folder, 'orders-1')
  const self = identify(process.pid)
  assert.ok(self !== undefined)
  const over = Promise.withResolvers<void>()
  await openGuard({
    ...{ ...paths, clock, self, member: 'orders-1', version: '0', ended: over.resolve },
    vouchers: async () => async () => [],
  })
  const link = await openLink<HostMessage, GuardMessage>(paths.socket, {
    message: (message) => heard.push(message),
    ended: () => {},
  })
  try {
    const launch = { argv: [process.execPath, '-e', program], cwd: folder, env: {}, log }
    link.send({ kind: 'start', number: 1, launch })
    await until('it goes on', () => sizeOf(log) > 17 * mebibyte)
    await run({ clock, log, heard, link })
  } finally {
    link.send({ kind: 'quit' })
    await over.promise
    link.drop()
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

test('a log that has grown too long is emptied, and its end kept, while its server goes on', () =>
  scene(async ({ clock, log }) => {
    const reader = new ServerLog(log)
    reader.begin()
    clock.run(ms(10_000))
    await until('its end is kept', () => sizeOf(`${log}.1`) > mebibyte - 2048)
    assert.ok(sizeOf(`${log}.1`) <= mebibyte)
    assert.match(readFileSync(`${log}.1`, 'utf8').slice(0, 1024), /^x{1023}\n$/)
    await until('it says more', () => sizeOf(log) > 0)
    // It appends: what it says next does not lie behind a hole as long as what was there.
    assert.match(readFileSync(log, 'utf8').slice(0, 100), /^ERROR: later\n/)
    assert.equal(reader.lastTrouble(), 'ERROR: later')
  }))

test('a log is emptied also where its end cannot be kept, and that is told', () =>
  scene(async ({ clock, log, heard }) => {
    mkdirSync(`${log}.1`)
    const told = (): readonly GuardMessage[] => heard.filter(({ kind }) => kind === 'event')
    clock.run(ms(10_000))
    await until('it is told', () => told().length > 0)
    assert.ok(sizeOf(log) < mebibyte)
    assert.match(JSON.stringify(told()), /log-not-kept.*server\.log\.1/)
  }))

test('the last words are there also where the file was moved meanwhile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'))
  using opened = new DisposableStack()
  opened.defer(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'server.log')
  const log = opened.use(new KeptLog(path))
  writeSync(log.descriptor, 'FATAL: no room\n')
  renameSync(path, `${path}.old`)
  assert.equal(log.lastWords(), 'FATAL: no room')
})
