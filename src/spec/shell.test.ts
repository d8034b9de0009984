// Does `run` mean what a shell would make of it?

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { splitRun } from './shell.ts'

const words: readonly (readonly [line: string, ...argv: string[]])[] = [
  ['node server.js', 'node', 'server.js'],
  ['  node   server.js  ', 'node', 'server.js'],
  [`node -e 'console.log("a b")'`, 'node', '-e', 'console.log("a b")'],
  ['node "a b" c\\ d', 'node', 'a b', 'c d'],
  ['node ""', 'node', ''],
  ['node a"b"\'c\'', 'node', 'abc'],
  ['node "a\\"b\\\\c\\d"', 'node', 'a"b\\c\\d'],
  ['node --port ${port} --id "${replica}"', 'node', '--port', '${port}', '--id', '${replica}'],
  ["node '$HOME' '*'", 'node', '$HOME', '*'],
  ['node \\$HOME \\*', 'node', '$HOME', '*'],
  ['node a~b x#y a=b', 'node', 'a~b', 'x#y', 'a=b'],
]
for (const [line, ...argv] of words) {
  test(`splits without a shell: ${line}`, () => {
    assert.deepEqual(splitRun(line), { kind: 'words', argv })
  })
}

const shells: readonly (readonly [line: string, given: string])[] = [
  ['node $MAIN', 'exec node $MAIN'],
  ['node "$MAIN"', 'exec node "$MAIN"'],
  ['node *.js', 'exec node *.js'],
  ['node `cat main`', 'exec node `cat main`'],
  ['node ~/server.js', 'exec node ~/server.js'],
  ['node a.js > out.log', 'exec node a.js > out.log'],
  ['DEBUG=1 node a.js', 'exec env DEBUG=1 node a.js'],
  ['cd app && node a.js', 'cd app && node a.js'],
  ['node a.js | tee log', 'node a.js | tee log'],
  ['exec node a.js', 'exec node a.js'],
  ['if true; then node a.js; fi', 'if true; then node a.js; fi'],
  ['first\nsecond', 'first\nsecond'],
  ['(node a.js)', '(node a.js)'],
]
for (const [line, given] of shells) {
  test(`gives to a shell: ${line}`, () => {
    assert.deepEqual(splitRun(line), { kind: 'shell', argv: ['/bin/sh', '-c', given] })
  })
}

test('says which quote is not closed, and where', () => {
  assert.deepEqual(splitRun('node "a'), { kind: 'unclosed', quote: '"', at: 5 })
  assert.deepEqual(splitRun("node 'a"), { kind: 'unclosed', quote: "'", at: 5 })
  assert.deepEqual(splitRun('node \\'), { kind: 'unclosed', quote: '\\', at: 5 })
})

test('splits every line that needs no shell as /bin/sh splits it', () => {
  const piece = fc.constantFrom(
    'a',
    'b c',
    '"',
    "'",
    '\\',
    ' ',
    '\t',
    '$',
    '=',
    '-x',
    '#',
    '\\"',
    '{',
  )
  const lines = fc.array(piece, { maxLength: 12 }).map((pieces) => `p ${pieces.join('')}`)
  const sample = fc.sample(lines, { numRuns: 150, seed: 7 })
  const split = sample.flatMap((line) => {
    const run = splitRun(line)
    return run.kind === 'words' ? [{ line: line.trim(), argv: run.argv }] : []
  })
  assert.ok(split.length > 30)
  const script = split.map(({ line }) => `${line}\n`).join('')
  const shell = spawnSync('/bin/sh', [
    '-c',
    `p() { printf '%s\\0' p "$@"; printf '\\1'; }\n${script}`,
  ])
  const seen = shell.stdout
    .toString()
    .split('\u0001')
    .slice(0, -1)
    .map((argv) => argv.split('\0').slice(0, -1))
  assert.deepEqual(
    split.map(({ argv }) => argv),
    seen,
  )
})
