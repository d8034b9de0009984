// Which machines may run a service, and how much each carries: named in the file, and checked.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSpec } from './parse.ts'

const parsed = (text: string) =>
  parseSpec({ text, file: '/x/alwayson.yaml', env: {}, cores: 2, readFile: () => '' })

const machines = `
machines: { a: { address: 10.0.0.1, capacity: 2 }, b: 10.0.0.2 }
coordination: { zookeeper: "z:2181" }
`

test('takes one machine or a list of them, each once, and capacities', () => {
  const read = parsed(`${machines}
services:
  one: { run: node x.js, on: a }
  two: { run: node x.js, on: [b, a, b] }
  all: { run: node x.js }
`)
  assert.equal(read.kind, 'spec')
  if (read.kind !== 'spec') return
  const { services } = read.spec
  const on = ['one', 'two', 'all'].map((name) => {
    const service = services[name]
    return service?.kind === 'run' ? service.on : undefined
  })
  assert.deepEqual(on, [['a'], ['b', 'a'], undefined])
  assert.deepEqual([read.spec.machines.a?.capacity, read.spec.machines.b?.capacity], [2, undefined])
})

test('refuses machines that the file does not name, each at its place', () => {
  const read = parsed(`${machines}
services:
  one: { run: node x.js, on: c }
  two: { run: node x.js, on: [a, bb] }
`)
  assert.equal(read.kind, 'problems')
  if (read.kind !== 'problems') return
  assert.deepEqual(
    read.problems.map(({ path, message }) => `${path}: ${message}`),
    ['services.one.on: there is no machine `c`', 'services.two.on[1]: there is no machine `bb`'],
  )
})
