// Are components and smallest circles those that trying all paths finds?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { components, type Edge, type Graph, graphOf, smallestCycle } from './cycles.ts'

const nodes = 8
const always = (): boolean => true

const graphs = fc
  .array(fc.record({ from: fc.nat(nodes - 1), to: fc.nat(nodes - 1) }), { maxLength: 20 })
  .map((edges) =>
    graphOf(
      nodes,
      edges.filter(({ from, to }) => from !== to),
    ),
  )

/** How many edges lead from each node to each, at least. */
function distances(graph: Graph<Edge>): readonly (readonly number[])[] {
  const far = Array.from({ length: nodes }, (_, from) =>
    Array.from({ length: nodes }, (_e, to) =>
      graph[from]!.some((edge) => edge.to === to) ? 1 : Number.POSITIVE_INFINITY,
    ),
  )
  for (let by = 0; by < nodes; by += 1) {
    for (const row of far) {
      for (let to = 0; to < nodes; to += 1) {
        row[to] = Math.min(row[to]!, row[by]! + far[by]![to]!)
      }
    }
  }
  return far
}

const holds = (
  what: string,
  check: (graph: Graph<Edge>, far: ReturnType<typeof distances>) => void,
) =>
  test(what, () => {
    fc.assert(
      fc.property(graphs, (graph) => check(graph, distances(graph))),
      { seed: 5, numRuns: 500 },
    )
  })

holds('a component is all that reach each other', (graph, far) => {
  const expected = far.flatMap((row, node) => {
    const all = row.flatMap((there, to) => (there + far[to]![node]! < nodes * 2 ? [to] : []))
    return all[0] === node && all.length > 1 ? [all.join()] : []
  })
  const found = components(graph).map((all) => all.toSorted((a, b) => a - b).join())
  assert.deepEqual(found.toSorted(), expected.toSorted())
})

holds('the smallest circle is no longer than any other, and closed', (graph, far) => {
  for (const component of components(graph)) {
    const cycle = smallestCycle(graph, component, always, always)!
    assert.equal(cycle.length, Math.min(...component.map((node) => far[node]![node]!)))
    for (const [place, { from }] of cycle.entries()) assert.equal(cycle.at(place - 1)!.to, from)
  }
})

test('goes back only by what is let through', () => {
  const graph = graphOf(3, [
    { from: 0, to: 1, isRead: true },
    { from: 1, to: 0, isRead: true },
    { from: 1, to: 2, isRead: false },
    { from: 2, to: 0, isRead: false },
  ])
  const isRead = ({ isRead: is }: { readonly isRead: boolean }): boolean => is
  const cycle = smallestCycle(graph, [0, 1, 2], isRead, (edge) => !isRead(edge))
  assert.deepEqual(
    cycle?.map(({ from }) => from),
    [0, 1, 2],
  )
  assert.equal(
    smallestCycle(graph, [0, 1], isRead, (edge) => !isRead(edge)),
    undefined,
  )
})
