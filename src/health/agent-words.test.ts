// What agents say, word by word, as HAProxy's manual lists it.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { agentAfter, agentLineBytesMost, readAgentLine } from './agent-words.ts'
import type { AgentReport } from './model.ts'

const none = { kind: 'none' } as const

const after = (...lines: readonly string[]) =>
  lines.reduce(
    (word, line) => {
      const report = readAgentLine(line)
      return report === undefined ? word : agentAfter(word, { kind: 'agent', report }, none)
    },
    undefined as ReturnType<typeof agentAfter>,
  )

suite('a line of an agent', () => {
  const lines: readonly (readonly [string, Omit<AgentReport, 'line'>])[] = [
    ['up', { says: 'up' }],
    ['down', { says: 'down' }],
    ['failed', { says: 'down' }],
    ['stopped', { says: 'down' }],
    ['drain', { takes: 'drain' }],
    ['maint', { takes: 'maint' }],
    ['ready', { takes: 'ready' }],
    ['75%', { weight: 75 }],
    ['0%', { weight: 0 }],
    ['maxconn:30', { maxConnections: 30 }],
    ['up ready 50%, maxconn:7', { says: 'up', takes: 'ready', weight: 50, maxConnections: 7 }],
    ['UP\t80%', { says: 'up', weight: 80 }],
    ['stopped # the disk is full', { says: 'down' }],
    ['up unheard-of', { says: 'up' }],
  ]
  for (const [line, meaning] of lines) {
    test(`\`${line}\``, () => {
      const { line: shown, ...report } = readAgentLine(`${line}\r\ndown\n`)!
      assert.deepEqual(report, meaning)
      assert.equal(shown, line.replace('\t', ' '))
    })
  }

  test('means nothing where no word is known', () => {
    for (const line of ['', '\n', '# down', 'hello', '50', '%', 'maxconn:', '12345%']) {
      assert.equal(readAgentLine(line), undefined, line)
    }
  })

  test('whatever it is, it is read and can be shown', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: agentLineBytesMost, unit: 'binary' }), (text) => {
        const report = readAgentLine(text)
        if (report !== undefined) assert.match(report.line, /^[ -~]*$/)
      }),
    )
  })
})

test('what a line does not name stays as it was said before', () => {
  assert.deepEqual(after('drain 50%', 'up maxconn:3'), {
    ...{ says: 'up', takes: 'drain', weight: 50, maxConnections: 3, line: 'up maxconn:3' },
  })
})
