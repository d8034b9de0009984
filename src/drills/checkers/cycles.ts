// Where does a graph go in a circle, and what is the smallest circle? Tarjan's components and a
// search by breadth within them. Pure.

/** An edge of a graph whose nodes are numbers from 0 on. */
export interface Edge {
  readonly from: number
  readonly to: number
}

/** The edges that leave each node. */
export type Graph<E extends Edge> = readonly (readonly E[])[]

/** Once a circle is known, no smaller one is looked for after so many starts. */
const startsMost = 1000

/** Gathers edges by the node that they leave. */
export function graphOf<E extends Edge>(nodes: number, edges: Iterable<E>): Graph<E> {
  const graph: E[][] = Array.from({ length: nodes }, () => [])
  for (const edge of edges) graph[edge.from]?.push(edge)
  return graph
}

/** What Tarjan's search has found of a node. */
interface Visit {
  readonly node: number
  readonly index: number
  low: number
  /** The next edge to be followed. */
  next: number
  isOpen: boolean
}

/**
 * The strongly connected components of more than one node (R. Tarjan, 1972), without recursion: a
 * history may be one long path.
 */
export function components(graph: Graph<Edge>): readonly (readonly number[])[] {
  const visits = new Map<number, Visit>()
  const open: Visit[] = []
  const found: number[][] = []
  const visit = (node: number): Visit => {
    const made = { node, index: visits.size, low: visits.size, next: 0, isOpen: true }
    visits.set(node, made)
    open.push(made)
    return made
  }
  for (const start of graph.keys()) {
    if (visits.has(start)) continue
    const path = [visit(start)]
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const edge = graph[top.node]?.[top.next]
      if (edge !== undefined) {
        top.next += 1
        const to = visits.get(edge.to)
        if (to === undefined) path.push(visit(edge.to))
        else if (to.isOpen) top.low = Math.min(top.low, to.index)
        continue
      }
      path.pop()
      const below = path.at(-1)
      if (below !== undefined) below.low = Math.min(below.low, top.low)
      if (top.low === top.index) close(open, top, found)
    }
  }
  return found
}

/** Takes what lies above `root`, which is one component. */
function close(open: Visit[], root: Visit, found: number[][]): void {
  const component = open.splice(open.lastIndexOf(root))
  for (const one of component) one.isOpen = false
  if (component.length > 1) found.push(component.map(({ node }) => node))
}

/**
 * The smallest circle within a component that begins with one of `firsts` and goes on by edges that
 * `allows` lets through; undefined if there is none. In a large component that has one not all are
 * tried, and the smallest of those that were is given.
 */
export function smallestCycle<E extends Edge>(
  graph: Graph<E>,
  component: readonly number[],
  firsts: (edge: E) => boolean,
  allows: (edge: E) => boolean,
): readonly E[] | undefined {
  const within = new Set(component)
  let best: readonly E[] | undefined
  let starts = 0
  for (const node of component) {
    for (const first of graph[node] ?? []) {
      if (!within.has(first.to) || !firsts(first)) continue
      starts += 1
      const most = (best?.length ?? Number.POSITIVE_INFINITY) - 2
      const back = pathOf(graph, { from: first.to, to: node, most }, (edge) => {
        return within.has(edge.to) && allows(edge)
      })
      if (back !== undefined) best = [first, ...back]
      if (best?.length === 2 || (starts >= startsMost && best !== undefined)) return best
    }
  }
  return best
}

/** The shortest path of at most `most` edges. */
function pathOf<E extends Edge>(
  graph: Graph<E>,
  { from, to, most }: Edge & { readonly most: number },
  allows: (edge: E) => boolean,
): readonly E[] | undefined {
  const cameBy = new Map<number, E | undefined>([[from, undefined]])
  let front = [from]
  for (let length = 1; length <= most && front.length > 0; length += 1) {
    const further: number[] = []
    for (const edge of front.flatMap((node) => graph[node] ?? [])) {
      if (cameBy.has(edge.to) || !allows(edge)) continue
      cameBy.set(edge.to, edge)
      if (edge.to === to) return backwards(cameBy, edge)
      further.push(edge.to)
    }
    front = further
  }
  return undefined
}

function backwards<E extends Edge>(
  cameBy: ReadonlyMap<number, E | undefined>,
  last: E,
): readonly E[] {
  const path: E[] = []
  for (let edge: E | undefined = last; edge !== undefined; edge = cameBy.get(edge.from)) {
    path.push(edge)
  }
  return path.toReversed()
}
