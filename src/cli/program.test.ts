// What the command line refuses, and how it says so: run as a person runs it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'

const main = join(import.meta.dirname, '..', 'main.ts')

/** Runs `alwayson` in an empty folder. */
const alwayson = (...argv: readonly string[]) => alwaysonWith({}, ...argv)

function alwaysonWith(more: Readonly<Record<string, string>>, ...argv: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'alwayson-cli-'))
  try {
    const { ALWAYSON_STATE: _, ...env } = process.env
    return spawnSync(process.execPath, [main, ...argv], {
      cwd: folder,
      env: { ...env, ...more },
      encoding: 'utf8',
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

suite('the command line', () => {
  const refused = [
    { argv: ['stauts'], says: "unknown verb 'stauts'", remedy: 'did you mean status?' },
    {
      argv: ['status', '--wacth'],
      says: "unknown option '--wacth'",
      remedy: 'did you mean --watch?',
    },
    {
      argv: ['drain'],
      says: "missing required argument 'server'",
      remedy: 'alwayson drain --help shows what can be said',
    },
    {
      argv: ['events', '--last', 'few'],
      says: "option '-n, --last <count>' argument 'few' is invalid. A whole number is expected.",
      remedy: 'alwayson events --help shows what can be said',
    },
    {
      argv: ['status', '--watch', '--every', 'soon'],
      says:
        "option '--every <time>' argument 'soon' is invalid. " +
        'A length of time is written 500ms, 10s, 2m or 1h.',
      remedy: 'alwayson status --help shows what can be said',
    },
  ]
  for (const { argv, says, remedy } of refused) {
    test(`refuses ${argv.join(' ')} with a way out`, () => {
      const { status, stderr, stdout } = alwayson(...argv)
      assert.equal(stderr, `alwayson: ${says}\n  remedy: ${remedy}\n`)
      assert.deepEqual([status, stdout], [2, ''])
    })
  }

  test('shows its help, with examples and exit codes, on stdout', () => {
    const { status, stdout } = alwayson('--help')
    assert.equal(status, 0)
    assert.match(stdout, /Examples:\n {2}alwayson up/)
    assert.match(stdout, /Exit codes: 0 done/)
  })

  test('says that there is no file, and which it looked for', () => {
    const { status, stderr } = alwayson('status')
    assert.match(stderr, /^alwayson: there is no alwayson.yaml, alwayson.yml or haproxy.cfg in /)
    assert.equal(status, 2)
  })

  test('exits with 3 when no agent runs', () => {
    const { status, stderr } = alwayson('status', '--state', 'state')
    assert.match(stderr, /^alwayson: no agent answers at .*agent.sock\n/)
    assert.match(stderr, /\n {2}remedy: start it: alwayson up\n$/)
    assert.equal(status, 3)
  })

  for (const { title, env, argv } of [
    { title: 'a variable', env: { ALWAYSON_STATE: '' }, argv: [] },
    { title: 'an option', env: {}, argv: ['--state', ''] },
  ]) {
    test(`does not take the folder it is in for a state folder that ${title} leaves empty`, () => {
      const { status, stderr } = alwaysonWith(env, 'status', ...argv)
      assert.match(stderr, /^alwayson: there is no alwayson.yaml/)
      assert.equal(status, 2)
    })
  }

  test('says that a state folder has too long a path before anything is made', () => {
    const { status, stderr } = alwayson('status', '--state', `/tmp/${'x'.repeat(90)}`)
    assert.match(stderr, /the socket path .* has \d+ bytes, the system allows 107/)
    assert.match(stderr, /remedy: name a folder with a shorter path: --state DIR/)
    assert.equal(status, 2)
  })
})
