// `alwayson coordinator` and `alwayson init`, run as a person runs them.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposableSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { suite, test } from 'node:test'
import { freePorts } from '../../test/engines/waiting.ts'
import { fourLetterWord } from '../../test/engines/zookeeper.ts'
import { readKeys } from '../control/doors/keys.ts'
import { openZooKeeper } from '../coordination/client/client.ts'

const main = join(import.meta.dirname, '..', 'main.ts')
const newFolder = () => mkdtempDisposableSync(join(tmpdir(), 'alwayson-cli-'))

function alwayson(cwd: string, ...argv: readonly string[]) {
  const { ALWAYSON_STATE: _, ALWAYSON_KEYS: __, ...env } = process.env
  return spawnSync(process.execPath, [main, ...argv], { cwd, env, encoding: 'utf8' })
}

/** A coordinator that runs until it is disposed; what it said first. */
async function openVerb(cwd: string, ...argv: readonly string[]) {
  const child = spawn(process.execPath, [main, 'coordinator', ...argv], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = once(child, 'exit')
  const said: string[] = []
  for await (const line of createInterface(child.stdout)) {
    said.push(line)
    if (line.startsWith('listening')) break
  }
  return {
    said,
    async stop(signal: NodeJS.Signals): Promise<number | null> {
      child.kill(signal)
      return ((await gone) as [number | null])[0]
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

suite('alwayson coordinator', () => {
  test('is a ZooKeeper on loopback that keeps what it was told', async () => {
    using folder = newFolder()
    const [port = 0] = await freePorts(1)
    const bind = `127.0.0.1:${port}`
    for (const round of [0, 1]) {
      await using server = await openVerb(folder.path, '--bind', bind)
      const [data, listening = ''] = server.said
      assert.equal(data, `data in ${join(folder.path, '.alwayson/coordinator')}`)
      assert.match(listening, new RegExp(`^listening at ${bind}`))
      assert.equal(await fourLetterWord(port, 'ruok'), 'imok')
      await using client = openZooKeeper(bind)
      if (round === 0) await client.create('/kept', 'yes')
      assert.equal((await client.getData('/kept')).data.toString(), 'yes')
      await client.close()
      assert.equal(await server.stop('SIGTERM'), 0)
    }
  })

  test('refuses what cannot be, with a way out', () => {
    using folder = newFolder()
    const refused = [
      [['--bind', '2181'], 'is no address to listen on'],
      [['--memory', 'much'], 'is no size for --memory'],
      [['--tls-cert', 'x'], 'TLS needs a certificate and its key'],
    ] as const
    for (const [argv, says] of refused) {
      const { status, stderr } = alwayson(folder.path, 'coordinator', ...argv)
      assert.match(stderr, new RegExp(`${says}\n {2}remedy: `))
      assert.equal(status, 2, stderr)
    }
  })
})

suite('alwayson init', () => {
  const file = [
    'name: shop',
    'machines: { a: 10.0.0.1, b: 10.0.0.2 }',
    'coordination: managed',
    'services: { web: { run: node a.js } }',
  ].join('\n')

  test('makes the keys of each machine of the file, readable by nobody else', async () => {
    using folder = newFolder()
    writeFileSync(join(folder.path, 'alwayson.yaml'), file)
    const { status, stdout, stderr } = alwayson(folder.path, 'init')
    assert.equal(status, 0, stderr)
    assert.match(stdout, /scp -p keys\/a.keys 10\.0\.0\.1:alwayson\.keys/)
    const keys = join(folder.path, 'keys')
    const names = readdirSync(keys).toSorted()
    assert.deepEqual(names, ['.gitignore', 'a.keys', 'authority.keys', 'b.keys'])
    for (const name of names) assert.equal(statSync(join(keys, name)).mode & 0o077, 0)
    const [a, b] = await Promise.all(['a', 'b'].map((name) => readKeys(join(keys, `${name}.keys`))))
    assert.deepEqual([a?.cluster, a?.machine, b?.machine], ['shop', 'a', 'b'])
    assert.ok(a?.secret === b?.secret && a?.ca === b?.ca && a?.cert !== b?.cert)
    assert.ok(!stdout.includes(a?.secret ?? ''))
  })

  test('adds a machine later, and leaves the others’ keys as they are', async () => {
    using folder = newFolder()
    const path = join(folder.path, 'alwayson.yaml')
    const keyOf = (name: string): string =>
      readFileSync(join(folder.path, 'keys', `${name}.keys`), 'utf8')
    writeFileSync(path, file)
    assert.equal(alwayson(folder.path, 'init').status, 0)
    const [a, b] = [keyOf('a'), keyOf('b')]
    writeFileSync(path, file.replace('b: 10.0.0.2', 'b: 10.0.0.9, c: 10.0.0.3'))
    const { stdout } = alwayson(folder.path, 'init')
    assert.match(stdout, /^kept.*authority.keys.*\nkept.*a.keys.*\nrenewed.*b.keys.*10.0.0.9 now/)
    assert.match(stdout, /\nmade.*c.keys/)
    assert.equal(keyOf('a'), a)
    assert.notEqual(keyOf('b'), b)
  })

  test('refuses another cluster’s folder, and keys whose authority is gone', () => {
    using folder = newFolder()
    const path = join(folder.path, 'alwayson.yaml')
    writeFileSync(path, file)
    assert.equal(alwayson(folder.path, 'init').status, 0)
    writeFileSync(path, file.replace('shop', 'other'))
    assert.match(alwayson(folder.path, 'init').stderr, /holds the keys of `shop`/)
    const authority = join(folder.path, 'keys/authority.keys')
    writeFileSync(authority, readFileSync(authority, 'utf8').replace('secret ', 'secret_'))
    writeFileSync(path, file)
    assert.match(alwayson(folder.path, 'init').stderr, /is no file of authority keys/)
  })

  test('has nothing to do for one machine', () => {
    using folder = newFolder()
    writeFileSync(join(folder.path, 'alwayson.yaml'), 'services: { web: { run: node a.js } }')
    const { status, stderr } = alwayson(folder.path, 'init')
    assert.match(stderr, /there are no machines to make keys for\n {2}remedy: name them under/)
    assert.equal(status, 2)
  })
})
