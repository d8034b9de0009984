// A process is its id and its start time; a zombie is not one.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { familyOf } from './leftovers.ts'
import { bootId, identify, isAlive, parseStat, signalProcess, statOf } from './processes.ts'

const line = (name: string, state: string): string =>
  `4711 (${name}) ${state} 1 4700 4699 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 317947 1000 2 3`

test('reads /proc/PID/stat, whatever the process calls itself', () => {
  for (const name of ['node', 'a b', '(((', ') R 1 2', 'x) Z 9 9 9']) {
    const ids = { group: 4700, parent: 1, startTicks: 317_947 }
    const running = { name, dead: false, stopped: false, ...ids }
    assert.deepEqual(parseStat(line(name, 'S')), running)
    assert.equal(parseStat(line(name, 'Z'))?.dead, true)
    assert.equal(parseStat(line(name, 'T'))?.stopped, true)
  }
  assert.equal(parseStat(''), undefined)
})

test('knows itself, and nobody of an id that does not exist', () => {
  const self = identify(process.pid) ?? assert.fail('this process is alive')
  assert.ok(isAlive(self))
  assert.ok(!isAlive({ ...self, startTicks: self.startTicks + 1 }), 'its id was reused')
  assert.equal(identify(2 ** 22 + 1), undefined)
  assert.equal(statOf(2 ** 22 + 1), undefined)
  assert.match(bootId(), /^[0-9a-f-]{36}$/)
})

test('signals a process, never its successor, and finds its family by mark and group', async () => {
  const mark = `ALWAYSON_TEST_MARK=${process.pid}`
  const env = { PATH: process.env.PATH, ALWAYSON_TEST_MARK: String(process.pid) }
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env })
  const exit = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)))
  try {
    const identity = identify(child.pid ?? 0) ?? assert.fail('it has been started')
    const { pid, startTicks } = identity
    const family = [{ pid, startTicks, group: pid }]
    assert.deepEqual(familyOf({ leader: undefined, mark }), family)
    assert.deepEqual(familyOf({ leader: identity, mark: 'NOBODY=1' }), family)
    assert.deepEqual(familyOf({ leader: undefined, mark: `${mark}0` }), [])
    const reused = { pid, startTicks: startTicks - 1 }
    assert.deepEqual(familyOf({ leader: reused, mark: 'NOBODY=1' }), [])
    assert.equal(signalProcess(reused, 'SIGKILL'), false)
    assert.equal(signalProcess(identity, 'SIGTERM'), true)
    assert.equal(await exit, 'SIGTERM')
    assert.equal(signalProcess(identity, 'SIGTERM'), false)
  } finally {
    child.kill('SIGKILL')
  }
})
