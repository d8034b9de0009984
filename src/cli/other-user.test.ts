// What the command line says to a user whose agent it is not: run as a person runs it.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { otherUser } from '../../test/support/database-bed.ts'
import { statePaths } from '../agent/paths.ts'
import { isRefusal, notOurs } from '../control/owner.ts'
import { downMachine } from './agent-machine.ts'
import { exit } from './exit.ts'

const main = join(import.meta.dirname, '..', 'main.ts')
const user = otherUser()
const skip = user === undefined && 'only root can become another user'

suite('the agent of another user', { skip }, () => {
  let folder: string
  let agent: Server
  let asked = 0
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ao-other-'))
    chmodSync(folder, 0o755)
    const file = join(folder, 'alwayson.yaml')
    writeFileSync(file, 'name: shop\n')
    const paths = statePaths(file, undefined)
    mkdirSync(paths.folder, { recursive: true, mode: 0o700 })
    writeFileSync(paths.journal, '')
    agent = createServer(() => {
      asked += 1
    })
    agent.listen(paths.socket)
    await once(agent, 'listening')
  })
  after(() => {
    agent.close()
    rmSync(folder, { recursive: true })
  })

  const { username } = userInfo()
  const remedy = `\\n {2}remedy: do it as that user: sudo -u ${username} alwayson …\\n$`
  const words = new RegExp(`^alwayson: .* belongs to another user, ${username}\\n[^]*${remedy}`)
  for (const argv of [['down'], ['status'], ['events'], ['logs', 'web'], ['why', 'web']]) {
    test(`is not taken for none by \`${argv.join(' ')}\``, async () => {
      const child = spawn(process.execPath, [main, ...argv], {
        ...{ ...user, cwd: folder, env: { PATH: process.env.PATH } },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let [out, err] = ['', '']
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text
      })
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        err += text
      })
      const [code] = await once(child, 'close')
      assert.match(err, words)
      assert.deepEqual({ code, out, asked }, { code: exit.failed, out: '', asked: 0 })
    })
  }
})

suite('what a user is kept from', () => {
  const kept = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })

  test('is told from what is not there', () => {
    assert.ok(isRefusal(kept))
    assert.ok(!isRefusal(Object.assign(new Error(), { code: 'ENOENT' })))
  })

  test('although it is of that very user is said to be closed, and where', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ao-closed-'))
    try {
      const fault = notOurs('the agent of this file', join(folder, 'gone', 'agent.sock'), kept)
      assert.deepEqual([fault.code, fault.cause], ['refused', kept])
      assert.equal(fault.message, 'this user may not reach the agent of this file')
      assert.ok(fault.remedy?.endsWith(`namei -l ${folder}`))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('is nothing to sweep where nothing was ever made', async () => {
    const machine = downMachine(statePaths('', '/proc/self/none/of/it'))
    assert.deepEqual((await machine.sweep()).replicas, [])
  })
})
