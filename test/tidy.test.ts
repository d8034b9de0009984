// The house rules that a machine can hold: who imports whom, what is pure, how long a file grows.

import assert from 'node:assert/strict'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

/** What each room may import besides itself. `model` means: model files and ports only. */
const mayImport: Readonly<Record<string, Readonly<Record<string, 'all' | 'model'>>>> = {
  foundation: {},
  wire: { foundation: 'all' },
  control: { foundation: 'all', wire: 'all' },
  spec: {
    foundation: 'all',
    health: 'model',
    services: 'model',
    balancing: 'model',
    coordination: 'model',
    certificates: 'model',
    databases: 'model',
    wire: 'all',
  },
  certificates: {
    foundation: 'all',
    control: 'all',
    wire: 'all',
    balancing: 'model',
    coordination: 'all',
  },
  health: { foundation: 'all', control: 'all', wire: 'all' },
  services: { foundation: 'all', control: 'all', wire: 'all', health: 'model' },
  balancing: { foundation: 'all', control: 'all', wire: 'all', health: 'model' },
  coordination: { foundation: 'all', control: 'all', wire: 'all', services: 'model' },
  databases: { foundation: 'all', control: 'all', wire: 'all', coordination: 'all' },
  cluster: { foundation: 'all', control: 'all', coordination: 'all' },
  telemetry: { foundation: 'all', control: 'all', balancing: 'model', health: 'model' },
  drills: { foundation: 'all' },
}
/** The composition roots: they may see every room. */
const reachFar = ['agent', 'simulation', 'cli', 'main.ts']
/** What the composition roots themselves may not see. */
const forbidden: Readonly<Record<string, readonly string[]>> = {
  agent: ['cli', 'simulation'],
  simulation: ['cli'],
  cli: [],
  'main.ts': [],
}
/** Files that another room may see: the words of a room, its port, and what it can promise. */
const isPublic =
  /\/(model|engine|host|prober|coordinator|store|budget|quorum|durable-settings)\.ts$/

/** Files whose name or folder promises that they only think. */
const isPure = new RegExp(
  [
    String.raw`/(decide|rules|facts|candidates|describe|judge|restart|state)\.ts$`,
    String.raw`/(outliers|diff|model)\.ts$`,
    '^src/drills/checkers/',
  ].join('|'),
)
const impure = new RegExp(
  [
    String.raw`\b(Date\.now|new Date\(|Math\.random|performance\.|process\.|fetch\(|console\.)`,
    String.raw`\b(setTimeout|setInterval|setImmediate)\b`,
    `from 'node:`,
  ].join('|'),
)

/** A file of more lines than this holds more than one idea. */
const linesMost = 400

function files(folder: string, keep: RegExp): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && keep.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes('node_modules'))
    .toSorted()
}

const roomOf = (path: string): string => path.split('/')[1] ?? ''

function* importsOf(path: string, text: string): Generator<string> {
  for (const [, target] of text.matchAll(/(?:from|import\() ?'(\.{1,2}\/[^']+)'/g)) {
    yield normalize(join(dirname(path), target!))
  }
}

const sources = files('src', /\.tsx?$/)
const production = sources.filter((path) => !path.endsWith('.test.ts'))

test('rooms import only what the design allows', () => {
  for (const path of production) {
    const room = roomOf(path)
    for (const target of importsOf(path, readFileSync(join(root, path), 'utf8'))) {
      const other = roomOf(target)
      if (other === room || !target.startsWith('src/')) continue
      if (reachFar.includes(room)) {
        assert.ok(!forbidden[room]?.includes(other), `${path} must not import ${target}`)
        continue
      }
      const leave = mayImport[room]?.[other]
      const allowed = leave === 'all' || (leave === 'model' && isPublic.test(target))
      assert.ok(allowed, `${path} must not import ${target}`)
    }
  }
})

test('pure files touch neither clock, chance, network nor disk', () => {
  for (const path of production.filter((file) => isPure.test(file))) {
    const code = readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    const found = impure.exec(code)
    assert.equal(found, null, `${path} promises to be pure, but uses ${found?.[0]}`)
  }
})

test('files open with a sentence, fit the screen and do not grow without end', () => {
  for (const path of [...sources, ...files('test', /\.ts$/), ...files('bench', /\.ts$/)]) {
    const text = readFileSync(join(root, path), 'utf8')
    assert.match(text, /^(#!.*\n)?\/\/ /, `${path} does not open with what it is for`)
    const lines = text.split('\n')
    const long = lines.findIndex((line) => line.length > 100)
    assert.equal(long, -1, `${path}:${long + 1} runs past 100 columns`)
    assert.ok(lines.length <= linesMost, `${path} has ${lines.length} lines: split it`)
  }
})

test('nothing is exported by default, gathered in a barrel or left for later', () => {
  for (const path of production) {
    const text = readFileSync(join(root, path), 'utf8')
    assert.doesNotMatch(text, /^export default/m, `${path} exports by default`)
    assert.doesNotMatch(path, /\/index\.ts$/, `${path} is a barrel`)
    assert.doesNotMatch(text, /\b(TODO|FIXME|XXX|HACK)\b/, `${path} leaves work for later`)
  }
})

test('inputs are generated from a seed that is known, so that a failure comes again', () => {
  for (const path of globSync('{src,test,bench}/**/*.test.ts', { cwd: root })) {
    const text = readFileSync(join(root, path), 'utf8')
    const remedy = 'take fc from test/fixtures/properties.ts'
    assert.doesNotMatch(text, /^import .*'fast-check'/m, `${path}: ${remedy}`)
  }
})
