// Do the definition, the JSON Schema that ships, and what is accepted agree?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { fc } from '../../test/fixtures/properties.ts'
import { isValid } from '../../test/fixtures/schema.ts'
import { anyTree, rightFile } from '../../test/fixtures/specs.ts'
import { type JsonSchema, jsonSchema } from './json-schema.ts'
import { parseSpec } from './parse.ts'
import { file } from './schema.ts'

const secret = 'k3ep-th1s-s3cret'
const parse = (text: string) => {
  const env = { SECRET: secret }
  return parseSpec({ text, file: '/srv/a.yaml', env, cores: 2, readFile: () => '' })
}

test('every key has a description that an editor can show', () => {
  const look = (schema: JsonSchema, path: string): void => {
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      assert.ok(inner.description !== undefined, `${path}.${key} has no description`)
      look(inner, `${path}.${key}`)
    }
    if (typeof schema.additionalProperties === 'object')
      look(schema.additionalProperties, `${path}.*`)
    if (schema.items !== undefined) look(schema.items, `${path}[]`)
    for (const form of schema.anyOf ?? []) look(form, path)
  }
  look(jsonSchema(), '')
})

test('right files are accepted, by parse, the JSON Schema and the definition alike', () => {
  fc.assert(
    fc.property(rightFile, (tree) => {
      const parsed = parse(stringify(tree))
      assert.equal(parsed.kind, 'spec', JSON.stringify(parsed))
      assert.ok(isValid(tree, jsonSchema(), jsonSchema()))
    }),
    { numRuns: 150 },
  )
})

test('whatever parse accepts, the JSON Schema accepts', () => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      const text = stringify(tree)
      if (parse(text).kind === 'spec') assert.ok(isValid(tree, jsonSchema(), jsonSchema()), text)
    }),
    { numRuns: 300 },
  )
})

test('whatever the definition refuses, parse refuses', () => {
  const withoutReferences = rightFile.filter((tree) => !JSON.stringify(tree).includes('${'))
  const broken = fc.tuple(withoutReferences, anyTree, fc.nat()).map(([tree, wrong, where]) => {
    const copy = structuredClone(tree)
    const spots: (() => void)[] = []
    const visit = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return
      for (const key of Object.keys(node)) {
        spots.push(() => Object.assign(node, { [key]: wrong }))
        visit((node as Record<string, unknown>)[key])
      }
    }
    visit(copy)
    spots[where % spots.length]?.()
    return copy
  })
  fc.assert(
    fc.property(broken, (tree) => {
      if (JSON.stringify(tree).includes('${')) return
      const refused = !file.safeParse(JSON.parse(JSON.stringify(tree))).success
      if (refused) assert.equal(parse(stringify(tree)).kind, 'problems', stringify(tree))
    }),
    { numRuns: 300 },
  )
})

test('parse never throws and never tells a secret, whatever the tree', () => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      const parsed = parse(stringify(tree))
      if (parsed.kind === 'problems') assert.ok(!JSON.stringify(parsed).includes(secret))
    }),
    { numRuns: 500 },
  )
})

test('parse never throws, whatever the text, and every problem has a place in it', () => {
  const piece = fc.constantFrom(
    ...[
      'services',
      'web',
      'run',
      'a',
      ': ',
      ':',
      '\n',
      '\n  ',
      '\n    ',
      '\t',
      '- ',
      '[',
      ']',
      '{',
    ],
    ...['}', ',', '"', "'", '&a', '*a', '<<', '|', '>', '#', '!', '%', '@', '${', '}', '---', '\r'],
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 30 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (one) => {
      const parsed = parse(one)
      if (parsed.kind !== 'problems') return
      assert.ok(parsed.problems.length > 0)
      const lines = one.split('\n').length
      for (const { place } of parsed.problems) {
        assert.ok(place.line >= 1 && place.line <= lines + 1 && place.column >= 1, one)
      }
    }),
    { numRuns: 1500 },
  )
})
