// An import writes what it should, where it should, and never over what is there.

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { assertGolden, fakePorts } from '../../test/fixtures/cli.ts'
import { importHaproxy } from '../spec/import/haproxy/import.ts'
import { exit } from './exit.ts'
import { importFile } from './import.ts'
import { importLines, importRemark } from './view/imported.ts'

const configuration = `global
    log /dev/log local0
defaults
    mode http
    compression algo gzip
    errorfile 503 sorry.http
frontend www
    bind 127.0.0.1:8080
    acl is_api path_beg /api
    http-request deny if { src 10.0.0.0/8 }
    use_backend api if is_api
    default_backend web
backend web
    server w1 127.0.0.1:3001 check
backend api
    server a1 127.0.0.1:3002 check
`

suite('an import', () => {
  let folder: string
  let from: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'alwayson-import-'))
    from = join(folder, 'haproxy.cfg')
    writeFileSync(from, configuration)
    writeFileSync(join(folder, 'sorry.http'), 'HTTP/1.0 503 No\r\n\r\nsorry\n')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('tells of each line that is not as it was, the gravest first', () => {
    const readFile = (): string => 'HTTP/1.0 503 No\r\n\r\nsorry\n'
    const imported = importHaproxy({ text: configuration, file: 'haproxy.cfg', readFile })
    const lines = importLines('haproxy.cfg', imported, (_, text) => text)
    assertGolden('import.txt', `${lines.join('\n')}\n`)
    assert.equal(
      importRemark('haproxy.cfg', imported),
      'haproxy.cfg: 2 lines are not carried over; ' +
        'alwayson import haproxy.cfg says which, and why',
    )
  })

  test('goes to stdout, with nothing else in it', async () => {
    const ports = fakePorts()
    assert.equal(await importFile(ports, from, {}), exit.done)
    assert.match(ports.out.text(), /\nservices:\n/)
    assert.doesNotMatch(ports.out.text(), /carried over with a difference/)
    assert.match(ports.err.text(), /line 10: http-request deny/)
    assert.match(ports.err.text(), /it refers to .*503.html, which --output writes\n$/)
    assert.deepEqual(readdirSync(folder).toSorted(), ['haproxy.cfg', 'sorry.http'])
  })

  test('goes to a file, with its error pages beside it', async () => {
    const output = join(folder, 'alwayson.yaml')
    await importFile(fakePorts(), from, { output })
    assert.match(readFileSync(output, 'utf8'), /\nservices:\n/)
    assert.match(readFileSync(join(folder, 'errors', '503.html'), 'utf8'), /sorry/)
  })

  test('replaces nothing unless it is told to, not even a part', async () => {
    const output = join(folder, 'alwayson.yaml')
    writeFileSync(output, 'mine')
    await assert.rejects(importFile(fakePorts(), from, { output }), { code: 'refused' })
    assert.equal(readFileSync(output, 'utf8'), 'mine')
    assert.deepEqual(readdirSync(folder).length, 3, 'no page was written either')
    await importFile(fakePorts(), from, { output, force: true })
    assert.match(readFileSync(output, 'utf8'), /\nservices:\n/)
  })

  test('fails on a text that has nothing to carry over, and writes nothing', async () => {
    writeFileSync(from, 'Dear diary\n')
    const ports = fakePorts()
    await assert.rejects(importFile(ports, from, {}), { code: 'bad-file' })
    assert.equal(ports.out.text(), '')
  })
})
