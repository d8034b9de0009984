// Keys that are renewed are shown; keys that are none of this machine's are not.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { issue, makeAuthority } from '../control/doors/certificates.ts'
import { formatKeys, type MachineKeys } from '../control/doors/keys.ts'
import { writeWhole } from '../control/whole-file.ts'
import { ms, openClock } from '../foundation/time.ts'
import { WatchedKeys } from './machine-keys.ts'

const authority = makeAuthority('authority of shop', new Date())

const keysOf = (machine: string): MachineKeys => ({
  ...{ cluster: 'shop', machine, secret: 'a'.repeat(43), ca: authority.cert },
  ...issue(authority, { name: machine, hosts: ['10.0.0.1'] }, new Date()),
})

test('a machine shows the certificate it was renewed to, and never one of another', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aokeys-'))
  const path = join(folder, 'alwayson.keys')
  const heard: string[] = []
  const bell = { ring: (): void => undefined }
  const rung = (): Promise<void> => new Promise((resolve) => Object.assign(bell, { ring: resolve }))
  const [first, stranger, renewed] = [keysOf('a'), keysOf('b'), keysOf('a')]
  const event = (rule: string): void => {
    heard.push(rule)
    bell.ring()
  }
  try {
    writeWhole(path, formatKeys(first))
    using keys = new WatchedKeys({ path, keys: first, clock: openClock(), event, every: ms(5) })
    let told = 0
    keys.onChange(() => {
      told += 1
    })
    const refused = rung()
    writeWhole(path, formatKeys(stranger))
    await refused
    assert.equal(keys.certificate().cert, first.cert)
    const taken = rung()
    writeWhole(path, formatKeys(renewed))
    await taken
    assert.equal(keys.certificate().cert, renewed.cert)
    const gone = rung()
    rmSync(path)
    await gone
    assert.equal(keys.certificate().cert, renewed.cert)
    assert.deepEqual(heard, ['keys-refused', 'keys-renewed', 'keys-refused'])
    assert.equal(told, 1)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
