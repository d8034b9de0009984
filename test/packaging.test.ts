// Does what is published work where it is installed? Packs it and installs it, away from here.

import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, test } from 'node:test'

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'alwayson-pack-'))
const installed = join(folder, 'lib', 'node_modules', 'alwayson')

/** Runs a command with the Node.js of this test first on the path, and no setting of npm run's. */
function run(command: string, ...args: readonly string[]): SpawnSyncReturns<string> {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_/.test(name))
  return spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
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
  assert.equal(succeed(join(folder, 'bin', 'alwayson'), '--version'), `${version}\n`)
  assert.match(succeed(join(folder, 'bin', 'alwayson'), '--help'), /Usage: alwayson/)
})

test('tells an old Node.js what is needed instead of failing on its syntax', () => {
  const pretend =
    'data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"20.1.0"}})'
  const done = run('node', '--import', pretend, join(installed, 'bin', 'alwayson.js'), '--version')
  assert.equal(done.status, 1)
  assert.match(done.stderr, /this is Node\.js 20\.1\.0, and Node\.js 26 or newer is needed/)
  assert.match(done.stderr, /remedy: install a newer Node\.js/)
})
