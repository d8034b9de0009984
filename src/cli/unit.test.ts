// The unit that systemd is given: what it says, and that systemd understands it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { assertGolden } from '../../test/fixtures/cli.ts'
import { frontend, specOf } from '../../test/fixtures/world.ts'
import { exit } from './exit.ts'
import { type UnitFacts, unitName, unitText } from './unit.ts'

const facts = (change: Partial<UnitFacts> = {}): UnitFacts => ({
  spec: specOf(),
  file: '/srv/shop/alwayson.yaml',
  command: ['/usr/bin/node', '/usr/lib/node_modules/alwayson/bin/alwayson.js'],
  state: undefined,
  user: { name: 'shop', isRoot: false },
  variables: [],
  ...change,
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

suite('the unit', () => {
  test('leaves edges and replicas alone when the agent ends', () => {
    assertGolden('unit.txt', unitText(facts()))
  })

  test('is not started again once everything was told to end', () => {
    const text = unitText(facts())
    assert.match(text, new RegExp(`^RestartPreventExitStatus=${exit.toldToEnd}$`, 'm'))
    assert.match(text, new RegExp(`^SuccessExitStatus=${exit.toldToEnd}$`, 'm'))
  })

  test('asks for the ports below 1024 only where it needs to', () => {
    const spec = specOf(undefined, [frontend({ binds: [{ host: '0.0.0.0', port: 443 }] })])
    const asks = /AmbientCapabilities=CAP_NET_BIND_SERVICE/
    assert.match(unitText(facts({ spec })), asks)
    assert.doesNotMatch(unitText(facts({ spec, user: { name: 'root', isRoot: true } })), asks)
    assert.doesNotMatch(unitText(facts()), asks)
  })

  test('names the variables of the file, and never a value', () => {
    const text = unitText(facts({ variables: ['DB_PASSWORD', 'TOKEN'] }))
    assert.match(text, /refers to DB_PASSWORD, TOKEN: .*\nEnvironmentFile=.*alwayson-shop.env\n/)
  })

  test('is named after the file, with nothing that systemd refuses', () => {
    assert.equal(unitName('My shop/é'), 'alwayson-my-shop-.service')
  })

  test('is one that systemd understands, whatever the paths are called', {
    skip: hasSystemd ? false : 'systemd-analyze is not installed',
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'alwayson-unit-'))
    try {
      const strange = join(folder, `a b%n$HOME"'.yaml`)
      const command = [process.execPath, join(folder, 'al ways$on.js')]
      const unit = join(folder, unitName('shop'))
      writeFileSync(unit, unitText(facts({ file: strange, command, state: '/tmp/a b' })))
      const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
      const ours = verified.stderr.split('\n').filter((line) => line.includes('alwayson-shop'))
      assert.deepEqual(ours, [])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
