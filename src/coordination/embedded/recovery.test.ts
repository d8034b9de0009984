// What is left when the power goes, a disk tears, or a bit turns? Never more than was written,
// never less than was acknowledged; and where that cannot be had, nothing but a clear refusal.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeState, Lab, type Life } from '../../../test/engines/embedded-lab.ts'
import { Fault } from '../../foundation/fault.ts'
import { below, type Random, seededRandom } from '../../foundation/random.ts'
import { filesOf, recover } from './recovery.ts'

const small = { logBytesMost: 3000, snapshotAfterBytes: 5000, snapshotsKept: 2 } as const

/** Lives for so many steps; the last transaction that was acknowledged. */
function live(life: Life, random: Random, steps: number): number {
  for (let step = 0; step < steps; step += 1) {
    const which = below(random, 10)
    if (which < 5) life.act(random)
    else if (which < 8) life.turn()
    else life.disk.finishSyncs()
  }
  assert.equal(life.failure, undefined)
  return life.acknowledged
}

test('after every power cut the state is one that was, and has all that was acknowledged', () => {
  let [cuts, torn, unacknowledged, snapshots] = [0, 0, 0, 0]
  for (let seed = 1; seed <= 30; seed += 1) {
    const random = seededRandom(seed, 'power')
    const lab = new Lab(small)
    lab.disk.isInstant = false
    lab.disk.tearBytes = 40
    for (let cut = 0; cut < 8; cut += 1) {
      const life = lab.start()
      const acknowledged = live(life, random, below(random, 120))
      lab.disk.crash(random)
      const { state, findings } = recover(lab.disk, lab.limits, 0)
      torn += findings.filter((finding) => finding.kind === 'torn').length
      const { zxid } = state.tree
      assert.ok(zxid >= acknowledged, `seed ${seed}: ${acknowledged} acknowledged, ${zxid} left`)
      assert.ok(zxid <= life.stager.zxid, `seed ${seed}: ${zxid} was never written`)
      assert.equal(describeState(state), lab.should.get(zxid), `seed ${seed}, cut ${cut}`)
      if (zxid > acknowledged) unacknowledged += 1
      cuts += 1
    }
    snapshots += filesOf(lab.disk, 'snapshot').length
  }
  // Without these the test would have tried nothing.
  assert.ok(
    torn > 20 && unacknowledged > 3 && snapshots > 10,
    `${torn} ${unacknowledged} ${snapshots}`,
  )
  assert.equal(cuts, 240)
})

/** A disk with two snapshots and logs behind them, all of it safe. */
function fullLab(): { lab: Lab; zxid: number } {
  const random = seededRandom(11, 'full')
  const lab = new Lab(small)
  const life = lab.start()
  while (filesOf(lab.disk, 'snapshot').length < 2) {
    life.act(random)
    life.settle()
  }
  for (let step = 0; step < 60; step += 1) life.act(random)
  life.settle()
  for (let step = 0; step < 20; step += 1) {
    life.act(random)
    life.settle()
  }
  return { lab, zxid: life.acknowledged }
}

/** A file without the zeros behind it. */
function contentOf(lab: Lab, name: string): Buffer {
  const bytes = lab.disk.safe(name)
  return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1)
}

/** What a recovery comes to: a state that was, or a refusal. */
function outcome(lab: Lab): number | Fault {
  try {
    const { state } = recover(lab.disk, lab.limits, 0)
    assert.equal(describeState(state), lab.should.get(state.tree.zxid), 'a state that never was')
    return state.tree.zxid
  } catch (thrown) {
    assert.ok(thrown instanceof Fault, String(thrown))
    assert.equal(thrown.code, 'corrupt')
    assert.match(thrown.message, /damaged at byte \d+|cannot be used/)
    assert.ok(thrown.remedy)
    return thrown
  }
}

test('a log that ends at any byte gives what is whole before, and the rest is cut off', () => {
  const { lab, zxid } = fullLab()
  const last = filesOf(lab.disk, 'log').at(-1) ?? ''
  const whole = contentOf(lab, last)
  let least = zxid
  for (let length = 24; length < whole.length; length += 1) {
    const file = lab.disk.create(last)
    file.write(whole, length, 0)
    file.sync(() => undefined)
    const left = outcome(lab)
    assert.equal(typeof left, 'number', `cut at ${length}`)
    least = Math.min(least, left as number)
    assert.equal(outcome(lab), left, 'a second start finds the same')
  }
  assert.ok(least < zxid)
})

test('a bit that turns anywhere is survived or refused, never believed', () => {
  const { lab, zxid } = fullLab()
  const names = [...filesOf(lab.disk, 'log'), ...filesOf(lab.disk, 'snapshot')]
  const random = seededRandom(3, 'bits')
  const seen = { whole: 0, tail: 0, refused: 0 }
  for (const name of names) {
    const bytes = lab.disk.safe(name)
    const content = contentOf(lab, name)
    for (let at = 0; at < content.length; at += 1 + below(random, 20)) {
      lab.disk.flip(name, at, below(random, 8))
      const left = outcome(lab)
      if (left instanceof Fault) seen.refused += 1
      else if (left === zxid) seen.whole += 1
      else {
        // Only the last group can go unnoticed: it looks like a write that was cut short.
        assert.equal(left, zxid - 1, `${name} at ${at}`)
        seen.tail += 1
      }
      const file = lab.disk.create(name)
      file.write(bytes, bytes.length, 0)
      file.sync(() => undefined)
    }
  }
  assert.ok(seen.whole > 50 && seen.refused > 50 && seen.tail > 0, JSON.stringify(seen))
})

test('a file that is missing is missed', () => {
  const { lab, zxid } = fullLab()
  const names = [...filesOf(lab.disk, 'log'), ...filesOf(lab.disk, 'snapshot')]
  for (const name of names) {
    const bytes = lab.disk.safe(name)
    lab.disk.remove(name)
    const left = outcome(lab)
    const isLastLog = name === filesOf(lab.disk, 'log').at(-1) || name > (names[0] ?? '')
    assert.ok(left instanceof Fault || left === zxid || isLastLog, `${name}: ${left}`)
    const file = lab.disk.create(name)
    file.write(bytes, bytes.length, 0)
    file.sync(() => undefined)
  }
  for (const name of filesOf(lab.disk, 'log')) lab.disk.remove(name)
  for (const name of filesOf(lab.disk, 'snapshot').slice(0, 1)) lab.disk.remove(name)
  const left = outcome(lab)
  assert.ok(!(left instanceof Fault) && left < zxid, 'the snapshot alone is a state that was')
})

test('a snapshot is exact, whatever is written while it is taken', () => {
  const random = seededRandom(5, 'exact')
  for (let round = 0; round < 20; round += 1) {
    const lab = new Lab({ ...small, snapshotAfterBytes: 1e9, logBytesMost: 1e9 })
    const life = lab.start()
    for (let step = 0; step < 100; step += 1) life.act(random)
    life.settle()
    const at = life.state.tree.zxid
    life.keeper.begin(0)
    for (let step = 0; step < 50; step += 1) {
      life.act(random)
      life.disk.finishSyncs()
      life.turn()
    }
    life.settle()
    assert.ok(life.state.tree.zxid > at)
    for (const name of filesOf(lab.disk, 'log')) lab.disk.remove(name)
    const { state } = recover(lab.disk, lab.limits, 0)
    assert.equal(state.tree.zxid, at)
    assert.equal(describeState(state), lab.should.get(at))
  }
})

test('a snapshot that is given up while the disk is at the last of it leaves nothing', () => {
  const random = seededRandom(6, 'given up')
  const lab = new Lab()
  const life = lab.start()
  for (let step = 0; step < 30; step += 1) life.act(random)
  life.settle()
  lab.disk.isInstant = false
  life.keeper.begin(0)
  while (life.turn());
  life.keeper.stop()
  lab.disk.finishSyncs()
  assert.deepEqual(
    lab.disk.list().filter((name) => name.startsWith('snapshot')),
    [],
  )
  assert.equal(life.failure, undefined)
})

test('a full disk acknowledges nothing, and goes on when there is room', () => {
  const random = seededRandom(8, 'room')
  const lab = new Lab()
  const life = lab.start()
  for (let step = 0; step < 30; step += 1) life.act(random)
  life.settle()
  const { acknowledged } = life
  lab.disk.bytesMost = 0
  for (let step = 0; step < 30; step += 1) {
    life.act(random)
    life.turn()
    life.disk.finishSyncs()
    life.clock.fire()
  }
  assert.equal(life.stalls, 1, 'it is said once')
  assert.equal(life.acknowledged, acknowledged)
  assert.equal(life.failure, undefined)
  lab.disk.bytesMost = Number.POSITIVE_INFINITY
  life.clock.fire()
  life.settle()
  assert.equal(life.acknowledged, life.stager.zxid)
  assert.equal(describeState(life.state), lab.should.get(life.acknowledged))
})

test('a sync that fails ends the server: what the disk has is not known any more', () => {
  const random = seededRandom(9, 'sync')
  const lab = new Lab()
  const life = lab.start()
  life.act(random)
  life.settle()
  const { acknowledged } = life
  lab.disk.failNextSync = true
  for (let step = 0; step < 10; step += 1) life.act(random)
  while (life.turn()) life.disk.finishSyncs()
  assert.equal(life.failure?.code, 'failed')
  assert.ok(life.failure?.remedy)
  assert.equal(life.acknowledged, acknowledged)
  lab.disk.crash(random)
  const { state } = recover(lab.disk, lab.limits, 0)
  assert.equal(describeState(state), lab.should.get(state.tree.zxid))
})
