// What becomes of real configurations, line by line? The pages beside them tell; RECORD=1 writes
// them anew.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { suite, test } from 'node:test'
import { anyConfiguration, complaintsOf, obstacleTo } from '../../../../test/fixtures/haproxy.ts'
import { fc } from '../../../../test/fixtures/properties.ts'
import { sharedPair } from '../../../../test/support/certificates.ts'
import { parseSpec } from '../../parse.ts'
import { importHaproxy } from './import.ts'
import type { Imported } from './model.ts'
import { splitLine } from './words.ts'

const folder = join(import.meta.dirname, '../../../../test/fixtures/haproxy')
const { certificate, key } = sharedPair()
const pair = key + certificate
const env = { FRONT_PORT: '8000', APP_HOST: '127.0.0.1', HOST: '10.9.9.9' }

function importText(text: string, file = 'haproxy.cfg'): Imported {
  const readFile = (path: string): string => {
    const page = /(503|404|page)\.http$/.exec(path)?.[1]
    if (page === undefined) throw new Error('there is no such file')
    if (page === 'page') return 'HTTP/1.0 503 x\r\n\r\n<p>page'
    return readFileSync(join(folder, 'errors', `${page}.http`), 'utf8')
  }
  return importHaproxy({ text, file, readFile })
}

/** The problems that our own parser finds in what was made. */
function problemsOf({ yaml, pages }: Imported): unknown {
  if (yaml === undefined) return []
  const readFile = (path: string): string => {
    if (/\.(pem|crt)$/.test(path)) return pair
    const page = pages.find((one) => join('/srv', one.path) === path)
    return page === undefined ? assert.fail(`${path} was not made`) : page.text
  }
  const parsed = parseSpec({ text: yaml, file: '/srv/alwayson.yaml', env, cores: 2, readFile })
  return parsed.kind === 'problems' ? parsed.problems : []
}

function tell({ yaml, pages, carried, notCarried }: Imported): string {
  const unprotected = notCarried.filter(({ loss }) => loss === 'protection')
  const missed = notCarried.filter(({ loss }) => loss === 'something')
  const harmless = notCarried.filter(({ loss }) => loss === 'nothing')
  const say = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? '' : `\n=== ${title}\n${lines.join('\n')}\n`
  return [
    yaml ?? 'nothing to carry over\n',
    say(
      'with a difference',
      carried.flatMap(({ line, text, note }) =>
        note === undefined ? [] : [`${line}: ${text} (${note})`],
      ),
    ),
    say(
      'not carried over, and no longer protected',
      unprotected.map(({ line, text, reason }) => `${line}: ${text} (${reason})`),
    ),
    say(
      'not carried over',
      missed.map(({ line, text, reason }) => `${line}: ${text} (${reason})`),
    ),
    say(
      'not needed',
      harmless.map(({ line, text, reason }) => `${line}: ${text} (${reason})`),
    ),
    say(
      'pages',
      pages.map(({ path, text }) => `${path}: ${text.trim()}`),
    ),
  ].join('')
}

for (const name of readdirSync(folder).filter((file) => file.endsWith('.cfg'))) {
  suite(name, () => {
    const path = join(folder, name)
    const text = readFileSync(path, 'utf8')
    const imported = importText(text, name)

    test('is a configuration that HAProxy takes', { skip: obstacleTo(path) ?? false }, () => {
      assert.equal(complaintsOf(path, env), '')
    })

    test('makes a file that our own parser takes', () => {
      assert.deepEqual(problemsOf(imported), [])
    })

    test('loses no line without a word', () => {
      const told = new Set([...imported.carried, ...imported.notCarried].map(({ line }) => line))
      text.split('\n').forEach((line, index) => {
        const split = splitLine(line)
        if ('words' in split && split.words.length === 0) return
        assert.ok(told.has(index + 1), `line ${index + 1}: ${line}`)
      })
    })

    test('becomes what the page beside it says', () => {
      const page = join(folder, `${basename(name, '.cfg')}.txt`)
      const now = tell(imported)
      if (process.env.RECORD === '1') writeFileSync(page, now)
      assert.equal(now, readFileSync(page, 'utf8'))
    })
  })
}

test('whatever a configuration says, no line is lost and what is made is right', () => {
  fc.assert(
    fc.property(anyConfiguration, (text) => {
      const imported = importText(text)
      assert.deepEqual(problemsOf(imported), [], `${text}\n${imported.yaml}`)
      const told = new Set([...imported.carried, ...imported.notCarried].map(({ line }) => line))
      text.split('\n').forEach((line, index) => {
        if (line.trim() !== '') assert.ok(told.has(index + 1), `${line}\n---\n${text}`)
      })
    }),
    { numRuns: 400 },
  )
})

test('never throws, whatever the text', () => {
  const piece = fc.constantFrom(
    ...[
      'global',
      'defaults',
      'frontend',
      'backend',
      'listen',
      'bind',
      'server',
      'acl',
      'use_backend',
      'if',
    ],
    ...[
      ' ',
      ' ',
      ' ',
      '\n',
      '\n',
      '\t',
      '"',
      "'",
      '\\',
      '#',
      '$',
      '${',
      '}',
      '{',
      '!',
      ':80',
      'a',
      'check',
    ],
    ...[
      'option',
      'httpchk',
      'http-check',
      'expect',
      'send',
      'timeout',
      'mode',
      'errorfile',
      '-m',
      '-i',
      '\\x4',
    ],
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (one) => {
      assert.deepEqual(problemsOf(importText(one)), [])
    }),
    { numRuns: 1000 },
  )
})
