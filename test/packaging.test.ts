// Does what is published work where it is installed? Packs it and installs it, away from here.

import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Status } from '../src/agent/model.ts'
import { freePorts } from './engines/waiting.ts'
import { withoutDatabase } from './support/shop-file.ts'

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'alwayson-pack-'))
const installed = join(folder, 'lib', 'node_modules', 'alwayson')
const alwayson = join(folder, 'bin', 'alwayson')

/**
 * Runs a command with the Node.js of this test first on the path, and no setting of npm run's;
 * whom this machine trusts is one of its own.
 */
function run(command: string, ...args: readonly string[]): SpawnSyncReturns<string> {
  const ours = /^npm_|^NODE_(?!EXTRA_CA_CERTS$)/
  const own = Object.entries(process.env).filter(([name]) => !ours.test(name))
  return spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 180_000,
    env: {
      ...Object.fromEntries(own),
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
      XDG_CACHE_HOME: join(folder, 'cache'),
    },
  })
}

function succeed(command: string, ...args: readonly string[]): string {
  const done = run(command, ...args)
  assert.equal(done.status, 0, `${command} ${args.join(' ')}: ${done.stdout}${done.stderr}`)
  return done.stdout
}

before(() => {
  succeed('npm', 'pack', root, '--silent', '--pack-destination', folder)
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  const quietly = ['--prefer-offline', '--no-audit', '--no-fund', '--silent']
  succeed('npm', 'install', '--global', '--prefix', folder, ...quietly, join(folder, tarball!))
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('publishes what runs and what a person reads, and nothing of the tests', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
  const own = files.filter((path) => !path.startsWith('node_modules'))
  for (const path of ['bin/alwayson.js', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
    assert.ok(own.includes(path), `${path} is missing`)
  }
  assert.ok(own.includes('dist/foundation/time.js'), 'the build is missing')
  assert.deepEqual(
    own.filter((path) => /\.test\.|^src|^bench|\.ts$/.test(path)),
    [],
  )
})

test('runs from where it is installed, whatever the folder it is called in', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly version: string
  }
  assert.equal(succeed(alwayson, '--version'), `${version}\n`)
  assert.match(succeed(alwayson, '--help'), /Usage: alwayson/)
})

test('tells an old Node.js what is needed instead of failing on its syntax', () => {
  const pretend =
    'data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"20.1.0"}})'
  const done = run('node', '--import', pretend, join(installed, 'bin', 'alwayson.js'), '--version')
  assert.equal(done.status, 1)
  assert.match(done.stderr, /this is Node\.js 20\.1\.0, and Node\.js 26 or newer is needed/)
  assert.match(done.stderr, /remedy: install a newer Node\.js/)
})

test('finds nothing wrong with the examples', () => {
  for (const file of ['shop/alwayson.yaml', 'tutorial-haproxy/haproxy.cfg']) {
    succeed(alwayson, 'check', join(installed, 'examples', file))
  }
})

test('keeps a service on, goes on without its agent, and stops all of it', async () => {
  const state = join(folder, 'state')
  const [port] = await freePorts(1)
  const shop = join(installed, 'examples', 'shop', 'alwayson.yaml')
  const file = join(installed, 'examples', 'shop', 'test.yaml')
  writeFileSync(file, withoutDatabase(readFileSync(shop, 'utf8')).replace(':8080', `:${port}`))
  const say = (...args: readonly string[]): string =>
    succeed(alwayson, '--file', file, '--state', state, ...args)
  const answers = async (): Promise<string> =>
    ((await (await fetch(`http://127.0.0.1:${port}/whoami`)).json()) as { name: string }).name
  try {
    say('up', '--detach')
    assert.match(await answers(), /^web-[123]$/)
    const before = JSON.parse(say('status', '--json')) as Status
    process.kill(before.agent.pid, 'SIGKILL')
    assert.match(await answers(), /^web-[123]$/)
    say('up', '--detach')
    const next = JSON.parse(say('status', '--json')) as Status
    assert.notEqual(next.agent.pid, before.agent.pid)
    assert.deepEqual(processes(next), processes(before), 'what ran was not adopted')
  } finally {
    say('down')
  }
  await assert.rejects(fetch(`http://127.0.0.1:${port}/whoami`))
})

/** The edges and replicas, by process id. */
function processes(status: Status): readonly (number | undefined)[] {
  const replicas = status.services.flatMap((service) => service.servers)
  return [...status.edges.map(({ pid }) => pid), ...replicas.map((each) => each.process?.pid)]
}
