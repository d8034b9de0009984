// Where does an edge listen, and to which door does what comes in there belong?

import { systemCode } from '../../../../foundation/fault.ts'
import type { Bind, Table } from '../../../model.ts'
import type { Connection, ConnectionOwner, Listener, Transport } from '../transport/transport.ts'
import type { Door } from './door.ts'

/** Takes a connection that has just come. */
export type Accept = (connection: Connection) => ConnectionOwner

/** A listening socket and the door that what comes through it belongs to. */
interface Entrance {
  readonly listener: Listener
  door: Door
}

/** What entrances need. */
export interface EntranceParts {
  readonly transport: Transport
  readonly accept: (door: Door, connection: Connection) => ConnectionOwner
  /** The edge is about to leave: what is opened now is closed again. */
  readonly isOver: () => boolean
  /** An address that cannot be listened on. */
  readonly failed: (bind: Bind, code: string, message: string) => void
}

const keyOf = (bind: Bind): string => `${bind.host}:${bind.port}`

/** The listening sockets of one edge. */
export class Entrances {
  readonly #parts: EntranceParts
  readonly #open = new Map<string, Entrance>()

  constructor(parts: EntranceParts) {
    this.#parts = parts
  }

  get listeners(): readonly Listener[] {
    return [...this.#open.values()].map(({ listener }) => listener)
  }

  /** Listens where the table says, and nowhere else. Tells of what cannot be had. */
  async update(table: Table, doors: ReadonlyMap<string, Door>): Promise<void> {
    const wanted = new Map<string, { readonly bind: Bind; readonly name: string }>()
    for (const { name, binds } of table.frontends) {
      for (const bind of binds) wanted.set(keyOf(bind), { bind, name })
    }
    for (const [key, entrance] of this.#open) {
      if (wanted.has(key)) continue
      entrance.listener.close()
      this.#open.delete(key)
    }
    for (const [key, { bind, name }] of wanted) {
      const door = doors.get(name) as Door
      const entrance = this.#open.get(key)
      if (entrance !== undefined) entrance.door = door
      else await this.#listen(key, bind, door)
    }
  }

  async #listen(key: string, bind: Bind, door: Door): Promise<void> {
    const { transport, accept, isOver, failed } = this.#parts
    try {
      const entrance = { door }
      const listener = await transport.listen(bind, (connection) =>
        accept(entrance.door, connection),
      )
      if (isOver()) listener.close()
      else this.#open.set(key, Object.assign(entrance, { listener }))
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown)
      failed(bind, systemCode(thrown) ?? 'UNKNOWN', message)
    }
  }

  /** Listens with a predecessor's handle; false when no frontend wants it, or has one already. */
  adopt(
    bind: Bind,
    table: Table,
    doors: ReadonlyMap<string, Door>,
    open: (accept: Accept) => Listener,
  ): boolean {
    const key = keyOf(bind)
    const row = table.frontends.find(({ binds }) => binds.some((other) => keyOf(other) === key))
    const door = row === undefined ? undefined : doors.get(row.name)
    if (door === undefined || this.#open.has(key)) return false
    const entrance = { door }
    const listener = open((connection) => this.#parts.accept(entrance.door, connection))
    this.#open.set(key, Object.assign(entrance, { listener }))
    return true
  }

  close(): void {
    for (const { listener } of this.#open.values()) listener.close()
    this.#open.clear()
  }
}
