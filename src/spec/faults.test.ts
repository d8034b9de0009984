// Every kind of fault, in its words and at its exact place: the stories of test/fixtures/spec.
// RECORD=1 writes down the words anew; the places are the stories' own, marked by `§`.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { Problem } from './model.ts'
import { parseSpec } from './parse.ts'

const secret = 'hunter2-secret'
const env = { DB_PASSWORD: secret, PORTS: '8080', REGION: 'eu' }
const pages: Readonly<Record<string, string>> = {
  '/srv/sorry.html': '<h1>Sorry</h1>',
  '/srv/huge.html': 'x'.repeat(300_000),
}

function readFile(path: string): string {
  const page = pages[path]
  if (page === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  return page
}

function problemsOf(text: string): readonly Problem[] {
  const parsed = parseSpec({ text, file: '/srv/alwayson.yaml', env, cores: 4, readFile })
  return parsed.kind === 'problems' ? parsed.problems : []
}

const words = ({ path, message, remedy }: Problem): string =>
  `${path === '' ? '' : `${path}: `}${message}${remedy === undefined ? '' : ` -> ${remedy}`}`

/** Where the `§` stand, as `line:column`, and the text without them. */
function marked(text: string): { readonly places: readonly string[]; readonly text: string } {
  const places: string[] = []
  const lines = text.split('\n').map((line, index) => {
    const parts = line.split('§')
    let column = 1
    for (const part of parts.slice(0, -1)) {
      column += part.length
      places.push(`${index + 1}:${column}`)
    }
    return parts.join('')
  })
  return { places, text: lines.join('\n') }
}

interface Story {
  readonly title: string
  readonly file: string
  readonly told: string
}

const storiesOf = (text: string): readonly Story[] =>
  text
    .split(/^=== /m)
    .slice(1)
    .map((story) => {
      const [, title = '', file = '', told = ''] =
        /^(.*)\n([\s\S]*?)^----\n([\s\S]*)$/m.exec(story) ?? []
      return { title, file, told: told.trim() }
    })

const folder = join(import.meta.dirname, '../../test/fixtures/spec')
for (const name of readdirSync(folder).filter((file) => file.endsWith('.txt'))) {
  const stories = storiesOf(readFileSync(join(folder, name), 'utf8'))
  const retold: string[] = []
  suite(`the faults of ${name}`, () => {
    for (const { title, file, told } of stories) {
      test(title, () => {
        const { places, text } = marked(file)
        const problems = problemsOf(text)
        const now = problems.map(words).join('\n')
        retold.push(`=== ${title}\n${file}----\n${now}\n`)
        const found = problems.map(({ place }) => `${place.line}:${place.column}`)
        assert.deepEqual(found, places, now)
        assert.doesNotMatch(now, new RegExp(secret))
        if (process.env.RECORD !== '1') assert.equal(now, told)
      })
    }
    if (process.env.RECORD === '1') {
      test('is written down', () => writeFileSync(join(folder, name), retold.join('\n')))
    }
  })
}

test('an alias bomb is refused in bounded time', () => {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const list = Array.from({ length: 10 }, () => (level === 0 ? 'x' : `*l${level - 1}`))
    return `x-${level}: &l${level} [${list.join(', ')}]`
  })
  const problems = problemsOf(`${levels.join('\n')}\nservices: { web: { run: x } }\n`)
  assert.match(problems.map(words).join('\n'), /aliases stand for more than 10000 values/)
})

test('a huge file is refused before it is read', () => {
  const problems = problemsOf(`# ${'x'.repeat(1024 * 1024)}\nservices: { web: { run: x } }\n`)
  assert.match(problems.map(words).join('\n'), /^this file has 1048\d+ bytes/)
})

test('deep nesting is refused, whatever it is made of', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{a: ', '}'],
    ['- ', ''],
  ] as const) {
    for (const depth of [90, 50_000]) {
      const nest = open.repeat(depth) + close.repeat(depth)
      const text = `x-a:\n  ${nest}\nservices: { w: { run: x } }`
      assert.match(problemsOf(text).map(words).join('\n'), /nested too deeply/)
    }
  }
})
