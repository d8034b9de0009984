// What is wrong with a file is shown where it is wrong.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { assertGolden } from '../../../test/fixtures/cli.ts'
import type { Problem } from '../../spec/model.ts'
import { problemLines } from './problems.ts'
import { paintOf } from './style.ts'

const text = `name: shop
services:
  web:
    run: node server.js
    replica: 3
    check: { htpp: /health }
\tname: "a b"
`

const problem = (change: Partial<Problem>): Problem => ({
  place: { file: 'alwayson.yaml', line: 5, column: 5 },
  path: 'services.web',
  message: 'unknown key replica',
  remedy: 'did you mean replicas?',
  ...change,
})
const at = (line: number, column: number) => ({ file: 'alwayson.yaml', line, column })
const lines = (...problems: readonly Problem[]): readonly string[] =>
  problemLines(problems, text, paintOf({ hasColor: false }))

suite('the faults of a file', () => {
  test('stand in its order, each with its line, a mark and a remedy', () => {
    const faults = [
      problem({ place: at(6, 14), path: 'services.web.check', message: 'unknown key htpp' }),
      problem({}),
      problem({ place: at(1, 1), path: '', message: 'it names no frontend', remedy: undefined }),
    ]
    assertGolden('problems.txt', `${lines(...faults).join('\n')}\n`)
  })

  test('mark the word also behind a tab, and a quoted word as a whole', () => {
    const shown = lines(problem({ place: at(7, 8) }))
    assert.equal(shown[2], '      | \t      ^^^^^')
  })

  test('are told also where the file has no such line', () => {
    const shown = lines(problem({ place: at(99, 1) }))
    assert.match(shown[0] ?? '', /^alwayson.yaml:99:1: fault: /)
    assert.equal(shown.length, 4)
  })

  test('are told soon also where every line begins a secret that does not end', () => {
    for (const file of ['env: {\n'.repeat(50_000), 'env: { '.repeat(50_000)]) {
      const shown = problemLines([problem({ place: at(1, 1) })], file, (_, word) => word)
      assert.ok(shown.length > 0)
    }
  })

  test('do not print an endless line', () => {
    const endless = `a: ${'x'.repeat(100_000)}`
    const shown = problemLines([problem({ place: at(1, 90_000) })], endless, (_, word) => word)
    assert.ok(shown.every((line) => line.length < 200))
  })

  test('do not show a line that may hold a secret', () => {
    const shown = lines(problem({ path: 'services.web.env.PASSWORD' }))
    assert.ok(shown.every((line) => !line.includes('replica: 3')))
  })

  const private_: readonly (readonly [text: string, ...shown: number[]])[] = [
    ['web: { run: x, replcas: 2, env: { TOKEN: topsecret } }\nname: shop', 2],
    ['web:\n  env:\n    TOKEN: topsecret\n    # topsecret\n\n    B: topsecret\n  run: x', 1, 2, 7],
    ['web: { run: x, env: { A: "}",\nB: topsecret\n} }\nrun: x', 4],
    ['web: { run: x, env:\n  { A: topsecret } }\nrun: x', 1, 3],
    ['  "env": &all { A: topsecret,\n  B: topsecret }\n  run: x', 3],
    ['- env: # the usual\n    A: |\n      topsecret\n\n- run: x', 1, 5],
    ['check: { http: /, headers: { A: topsecret } }\ncredentials: { password: topsecret }'],
    ['{"web":{"run":"x","env":{"A":"topsecret"}}}'],
    ['env: { A: topsecret\nrun: topsecret'],
    [
      'run: node --env=prod ${env.PORT}\r\nrequest_headers: x\nconvey: 1\nenvironment: topsecret',
      1,
      2,
      3,
    ],
  ]
  test('do not show a line that holds a part of what may be a secret', () => {
    for (const [file, ...expected] of private_) {
      const numbers = file.split('\n').map((_, index) => index + 1)
      const shown = numbers.filter((line) => {
        const told = problemLines([problem({ place: at(line, 1) })], file, (_, word) => word)
        assert.ok(
          told.every((one) => !one.includes('topsecret')),
          file,
        )
        return told.some((one) => one.includes(`${line} |`))
      })
      assert.deepEqual(shown, expected, file)
    }
  })

  test('say what they are about, unless the message already does', () => {
    assert.match(lines(problem({}))[0] ?? '', /services.web: unknown key/)
    const named = problem({ message: 'services.web needs run or servers' })
    assert.match(lines(named)[0] ?? '', /fault: services.web needs/)
  })
})
