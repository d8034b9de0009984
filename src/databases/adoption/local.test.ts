// Who listens at a port of this machine, and which unit began it?

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { suite, test } from 'node:test'
import { isUsed, listeners, localServerAt, unitIn, userOf } from './local.ts'

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr when uid timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0
   1: 0100007F:1538 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0
   2: 00000000:1539 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4244 1 0
`

suite('a server of this machine', () => {
  test('is known by the socket that it listens on, not by those of its sessions', () => {
    assert.deepEqual(listeners(table, 5432), ['4242'])
    assert.deepEqual(listeners(table, 5433), ['4244'])
    assert.deepEqual(listeners(table, 5434), [])
  })

  test('belongs to the unit of systemd that stands last in its group', () => {
    const unit = '/system.slice/system-postgresql.slice/postgresql@15-main.service'
    assert.equal(unitIn(`0::${unit}\n`), 'postgresql@15-main.service')
    assert.equal(unitIn('0::/system.slice/mariadb.service'), 'mariadb.service')
    const session = '/user.slice/user-1000.slice/user@1000.service/app.slice/app.scope'
    assert.equal(unitIn(`0::${session}`), undefined)
    assert.equal(unitIn('0::/'), undefined)
  })

  test('is found with its program, its folder and its user', async () => {
    const server = createServer()
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    try {
      const found = localServerAt(port)
      assert.equal(found?.pid, process.pid)
      assert.equal(found?.folder, process.cwd())
      assert.equal(found?.uid, process.getuid?.())
      assert.ok(isUsed(process.cwd()))
    } finally {
      await new Promise((done) => server.close(done))
    }
    assert.equal(localServerAt(port), undefined)
    assert.equal(userOf(0), 'root')
    assert.equal(userOf(4_000_000_000), undefined)
  })
})
