// Is it said clearly why there is nothing to read?

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Fault } from '../foundation/fault.ts'
import { readSpec } from './read.ts'

const folder = mkdtempSync(join(tmpdir(), 'alwayson-spec-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function faultOf(path: string): Promise<Fault> {
  try {
    await readSpec(path, {}, 2)
  } catch (thrown) {
    assert.ok(thrown instanceof Fault, String(thrown))
    return thrown
  }
  return assert.fail('nothing was thrown')
}

test('a right file comes back with its spec, its text and the variables it refers to', async () => {
  write('sorry.html', 'Sorry')
  const text = `services: { web: { run: a, env: { A: "\${env.SHOWN} \${env.NONE:-x}" } } }
frontends: { p: { bind: ":80", to: web, error_pages: { 503: sorry.html } } }`
  const path = write('right.yaml', text)
  const read = await readSpec(path, { SHOWN: '1', OTHER: '2' }, 2)
  assert.equal(read.kind, 'spec')
  assert.deepEqual(read.source, { path, text })
  assert.deepEqual(read.env, { SHOWN: '1' })
  assert.equal(read.kind === 'spec' && read.spec.frontends.p?.errorPages['503'], 'Sorry')
})

test('a wrong file comes back with its problems', async () => {
  const read = await readSpec(write('wrong.yaml', 'services: 5'), {}, 2)
  assert.equal(read.kind === 'problems' && read.problems.length, 1)
})

test('a page that is a folder is said to be one', async () => {
  mkdirSync(join(folder, 'pages'))
  const read = await readSpec(
    write(
      'page.yaml',
      'services: { w: { run: a } }\n' +
        'frontends: { p: { bind: ":80", to: w, error_pages: { 503: pages } } }',
    ),
    {},
    2,
  )
  assert.match((read.kind === 'problems' && read.problems[0]?.message) || '', /it is a folder/)
})

test('a page that never ends is refused', async () => {
  const text = `services: { w: { run: a } }
frontends: { p: { bind: ":80", to: w, error_pages: { 503: /dev/zero } } }`
  const read = await readSpec(write('endless.yaml', text), {}, 2)
  assert.match((read.kind === 'problems' && read.problems[0]?.message) || '', /bytes/)
})

test('no file, a folder and a file in a file have their own words', async () => {
  assert.equal((await faultOf(join(folder, 'none.yaml'))).code, 'not-found')
  assert.match((await faultOf(join(folder, 'right.yaml', 'x'))).message, /there is no file/)
  const fault = await faultOf(folder)
  assert.match(fault.message, /is a folder/)
  assert.match(fault.remedy ?? '', /alwayson\.yaml/)
})

test('bytes that are no text are refused', async () => {
  assert.match((await faultOf(write('zero', 'a\0b'))).message, /not a text file/)
  assert.match(
    (await faultOf(write('latin', Uint8Array.of(0x61, 0xe9, 0x61)))).message,
    /not UTF-8/,
  )
})

test('a file that is far too large is refused without being read', async () => {
  assert.match(
    (await faultOf(write('huge', 'x'.repeat(2 ** 20 + 1)))).message,
    /more than the 1048576 bytes/,
  )
  assert.match((await faultOf('/dev/zero')).message, /more than the 1048576 bytes/)
})

test('a pipe that nobody writes to does not keep us waiting', async () => {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const read = await readSpec(path, {}, 2)
  assert.match((read.kind === 'problems' && read.problems[0]?.message) || '', /empty/)
})

/** Root may read every file: for as long as `use` takes, be nobody instead. */
async function asNobody(use: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return use()
  process.seteuid?.('nobody')
  try {
    await use()
  } finally {
    process.seteuid?.(0)
  }
}

test('a file that may not be read says how to mend that', async () => {
  chmodSync(folder, 0o755)
  const path = write('locked.yaml', '')
  chmodSync(path, 0)
  await asNobody(async () => assert.match((await faultOf(path)).remedy ?? '', /chmod/))
})

const tutorial = `frontend www
    mode http
    bind 127.0.0.1:8080
    default_backend app
backend app
    mode http
    balance roundrobin
    server one 127.0.0.1:3001 check
    server two 127.0.0.1:3002 check
`

test('an HAProxy configuration is read as it is, by its name or by what it says', async () => {
  for (const name of ['haproxy.cfg', 'lb.conf', 'extensionless']) {
    const read = await readSpec(write(name, tutorial), {}, 2)
    assert.equal(read.kind, 'spec', JSON.stringify(read))
    const service = read.kind === 'spec' ? read.spec.services.app : undefined
    assert.deepEqual(
      service?.kind === 'servers' && service.servers.map(({ id, port }) => [id, port]),
      [
        ['one', 3001],
        ['two', 3002],
      ],
    )
    assert.ok(read.imported?.yaml?.includes('one'))
  }
})

test('an HAProxy configuration shows its own error files', async () => {
  write('503.http', 'HTTP/1.0 503 Sorry\r\n\r\n<h1>Sorry</h1>')
  const text = tutorial.replace('bind', 'errorfile 503 503.http\n    bind')
  const read = await readSpec(write('pages.cfg', text), {}, 2)
  const pages = read.kind === 'spec' ? read.spec.frontends.www?.errorPages : read.problems
  assert.deepEqual(pages, { 503: '<h1>Sorry</h1>' })
})

test('an HAProxy configuration whose rules keep somebody out is not run without them', async () => {
  const text = tutorial.replace('bind', 'http-request deny if { path_beg /admin }\n    bind')
  const read = await readSpec(write('deny.cfg', text), {}, 2)
  assert.equal(read.kind, 'problems')
  const [problem] = read.kind === 'problems' ? read.problems : []
  assert.match(problem?.message ?? '', /keeps somebody out/)
  assert.deepEqual([problem?.place.line, problem?.place.column], [3, 5])
})

test('what is wrong with an HAProxy configuration is told in its own lines', async () => {
  const text = tutorial.replace('127.0.0.1:3002', '"${NOT_SET}:3002"')
  const read = await readSpec(write('env.cfg', text), {}, 2)
  const [problem] = read.kind === 'problems' ? read.problems : []
  assert.match(problem?.message ?? '', /`NOT_SET` is not set/)
  assert.deepEqual([problem?.place.line, problem?.place.column], [9, 5])
  const empty = await readSpec(write('empty.cfg', '# nothing\n'), {}, 2)
  assert.match((empty.kind === 'problems' && empty.problems[0]?.message) || '', /no server/)
})

test('the variables that an HAProxy configuration refers to come back with it', async () => {
  const text = tutorial.replace('127.0.0.1:3002', '"$APP_HOST:3002"')
  const read = await readSpec(write('var.cfg', text), { APP_HOST: '127.0.0.1', OTHER: 'x' }, 2)
  assert.deepEqual([read.kind, read.env], ['spec', { APP_HOST: '127.0.0.1' }])
})
