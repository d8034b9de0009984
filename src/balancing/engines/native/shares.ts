// What does each edge get of every server's limit? Its table says so; its reports confirm it.

import { fresh, type Holding, hear, reshare, tell } from '../../leases.ts'
import type { EdgeReport, Pool, Table, TableServer } from '../../model.ts'

/** Milliseconds after which edges that share what cannot be divided change turns. */
const turnLength = 200

type Limited = TableServer & { readonly maxConnections: number }

const limitedOf = (pool: Pool): readonly Limited[] =>
  pool.servers.filter((server): server is Limited => server.maxConnections !== undefined)

/**
 * The shares of all edges of one machine, by edge and server. An edge that was adopted has nothing
 * until it has said what it goes by: it may be using all of a limit.
 */
export class Shares<Edge extends object> {
  readonly #holdings = new Map<Edge, Map<string, Holding>>()

  /** Whether some edge waits for more of a limit than it has. */
  get isWanted(): boolean {
    const all = [...this.#holdings.values()].flatMap((held) => [...held.values()])
    return all.some(({ waiting, active, told }) => waiting > 0 && active >= told)
  }

  /** An edge process that has just been started: it has nothing in flight. */
  begin(edge: Edge): void {
    this.#holdings.set(edge, new Map())
  }

  /** It is gone, and what it had in flight with it. */
  forget(edge: Edge): void {
    this.#holdings.delete(edge)
  }

  /** The table as this edge gets it: with its own shares of the limits. */
  tableFor(edge: Edge, table: Table): Table {
    if (!table.pools.some((pool) => limitedOf(pool).length > 0)) return table
    const shareOf = (server: TableServer): TableServer => {
      if (server.maxConnections === undefined) return server
      return { ...server, maxConnections: this.#holding(edge, server as Limited).told }
    }
    const pools = table.pools.map((pool) => ({ ...pool, servers: pool.servers.map(shareOf) }))
    return { ...table, pools }
  }

  #holding(edge: Edge, server: Limited): Holding {
    const known = this.#holdings.get(edge)?.get(server.id)
    if (known !== undefined) return known
    const isFresh = this.#holdings.has(edge)
    return isFresh ? fresh : { ...fresh, ceiling: server.maxConnections, confirmed: false }
  }

  /** What an edge says of itself. */
  hear(edge: Edge, report: EdgeReport, table: Table): void {
    for (const pool of table.pools) {
      for (const server of limitedOf(pool)) {
        const seen = report.servers[server.id]
        if (seen?.limit === undefined) continue
        const { limit, active } = seen
        const waiting = report.waiting?.[pool.name] ?? 0
        const heard = hear(this.#holding(edge, server), { limit, active, waiting })
        this.#set(edge, server.id, heard)
      }
    }
  }

  #set(edge: Edge, server: string, holding: Holding): void {
    const known = this.#holdings.get(edge) ?? new Map<string, Holding>()
    this.#holdings.set(edge, known.set(server, holding))
  }

  /** Of a server that has no limit any more nothing is heard: what was wanted of it is past. */
  #keep(limited: ReadonlySet<string>): void {
    for (const held of this.#holdings.values()) {
      for (const server of held.keys()) if (!limited.has(server)) held.delete(server)
    }
  }

  /** Works the shares out anew, and returns the edges that have to be told. */
  reshare(edges: readonly Edge[], table: Table, now: number): ReadonlySet<Edge> {
    const changed = new Set<Edge>()
    const turn = Math.floor(now / turnLength)
    const limited = table.pools.flatMap(limitedOf)
    this.#keep(new Set(limited.map(({ id }) => id)))
    for (const server of limited) {
      const holdings = edges.map((edge) => this.#holding(edge, server))
      const told = reshare(server.maxConnections, holdings, turn)
      edges.forEach((edge, index) => {
        const [share = 0, before] = [told[index], holdings[index]]
        if (before === undefined || share === before.told) return
        this.#set(edge, server.id, tell(before, share))
        changed.add(edge)
      })
    }
    return changed
  }
}
