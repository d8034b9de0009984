// Which machine runs how many replicas of which service? Evenly over zones and machines, moving as
// few as possible. Pure.

import type { ClusterMachine, PlacedService, Shares } from './model.ts'

/** A machine that replicas may be placed on. */
export interface Seat extends Pick<ClusterMachine, 'name' | 'zone' | 'capacity'> {
  /** It keeps what it has and is given nothing new: its agent is away. */
  readonly keepsOnly: boolean
}

/**
 * The shares of all services on the seats there are. What is placed already stays where it is,
 * unless its machine is none of the seats, or one machine or zone carries at least two more of
 * the service than another could, or a machine carries nothing at all; then as few move as make
 * it even. A service that may run nowhere keeps the shares it has.
 */
export function placeAll(
  services: readonly PlacedService[],
  seats: readonly Seat[],
  current: Shares,
): Shares {
  const counts = new Map<string, Map<string, number>>()
  for (const { name } of services) counts.set(name, new Map(Object.entries(current[name] ?? {})))
  const board = new Board(seats, counts)
  for (const service of services) board.place(service)
  for (const service of services) board.relieve(service)
  return Object.fromEntries(
    services.map(({ name }) => [name, Object.fromEntries(board.sharesOf(name))]),
  )
}

/** The seats with what sits on them. */
class Board {
  readonly #seats: readonly Seat[]
  readonly #counts: ReadonlyMap<string, Map<string, number>>

  constructor(seats: readonly Seat[], counts: ReadonlyMap<string, Map<string, number>>) {
    this.#seats = seats
    this.#counts = counts
  }

  sharesOf(service: string): readonly (readonly [string, number])[] {
    return [...this.#of(service)].filter(([, count]) => count > 0).toSorted()
  }

  /** Gives a service its number of replicas, evenly. */
  place({ name, replicas, on }: PlacedService): void {
    const seats = this.#seatsFor(on)
    if (seats.length === 0) return
    const counts = this.#of(name)
    const allowed = new Set(seats.map((seat) => seat.name))
    for (const machine of [...counts.keys()]) if (!allowed.has(machine)) counts.delete(machine)
    let sum = [...counts.values()].reduce((total, count) => total + count, 0)
    for (; sum > replicas; sum -= 1) this.#add(name, this.#fullest(name, seats), -1)
    const open = seats.filter(({ keepsOnly }) => !keepsOnly)
    if (open.length === 0) return
    for (; sum < replicas; sum += 1) this.#add(name, this.#emptiest(name, open), 1)
    this.#even(name, open)
  }

  /** Moves one of a service to a machine that carries nothing at all, if that is as even. */
  relieve({ name, on }: PlacedService): void {
    const open = this.#seatsFor(on).filter(({ keepsOnly }) => !keepsOnly)
    for (;;) {
      const to = open.find((seat) => this.#total(seat) === 0)
      if (to === undefined) return
      const from = open
        .filter((seat) => this.#mayRelieve(name, seat, to))
        .toSorted((a, b) => this.#total(b) - this.#total(a) || compare(a.name, b.name))[0]
      if (from === undefined) return
      this.#add(name, from, -1)
      this.#add(name, to, 1)
    }
  }

  /** Whether zones and their machines are as even as they are when one moves between these. */
  #mayRelieve(name: string, from: Seat, to: Seat): boolean {
    if (this.#count(name, from) === 0 || this.#total(from) <= this.#total(to, 1)) return false
    if (this.#load(name, to, 1) > this.#load(name, from)) return false
    const across = zoneOf(from) !== zoneOf(to)
    if (across && this.#zone(name, to) + 1 > this.#zone(name, from)) return false
    const beside = this.#seats.filter((seat) => zoneOf(seat) === zoneOf(from))
    return beside.every((seat) => this.#load(name, seat) <= this.#load(name, from))
  }

  /** Moves from where there are too many, zones first, until no move makes it more even. */
  #even(name: string, open: readonly Seat[]): void {
    for (;;) {
      const move = this.#zoneMove(name, open) ?? this.#machineMove(name, open)
      if (move === undefined) return
      this.#add(name, move.from, -1)
      this.#add(name, move.to, 1)
    }
  }

  #zoneMove(name: string, open: readonly Seat[]): Move | undefined {
    const holders = open.filter((seat) => this.#count(name, seat) > 0)
    if (holders.length === 0) return undefined
    const from = this.#fullest(name, holders)
    const to = this.#emptiest(name, open)
    return this.#zone(name, from) > this.#zone(name, to) + 1 ? { from, to } : undefined
  }

  #machineMove(name: string, open: readonly Seat[]): Move | undefined {
    for (const zone of new Set(open.map(zoneOf))) {
      const seats = open.filter((seat) => zoneOf(seat) === zone)
      const holders = seats.filter((seat) => this.#count(name, seat) > 0)
      if (holders.length === 0) continue
      const from = this.#fullest(name, holders)
      const to = this.#emptiest(name, seats)
      if (from !== to && this.#load(name, from) > this.#load(name, to, 1)) return { from, to }
    }
    return undefined
  }

  #seatsFor(on: readonly string[] | undefined): readonly Seat[] {
    return on === undefined ? this.#seats : this.#seats.filter(({ name }) => on.includes(name))
  }

  #emptiest(name: string, seats: readonly Seat[]): Seat {
    return this.#first(seats, (seat) => [
      this.#zone(name, seat),
      this.#load(name, seat, 1),
      this.#total(seat, 1),
    ])
  }

  #fullest(name: string, seats: readonly Seat[]): Seat {
    return this.#first(
      seats.filter((seat) => this.#count(name, seat) > 0),
      (seat) => [-this.#zone(name, seat), -this.#load(name, seat), -this.#total(seat)],
    )
  }

  /** The seat that comes first by these numbers, and by its name where they are equal. */
  #first(seats: readonly Seat[], by: (seat: Seat) => readonly number[]): Seat {
    const [first] = seats
      .map((seat) => ({ seat, key: by(seat) }))
      .toSorted((a, b) => order(a.key, b.key) || compare(a.seat.name, b.seat.name))
    if (first === undefined) throw new Error('broken invariant: a choice among seats has one')
    return first.seat
  }

  #of(service: string): Map<string, number> {
    return this.#counts.get(service) ?? new Map()
  }

  #count(service: string, { name }: Seat): number {
    return this.#of(service).get(name) ?? 0
  }

  #add(service: string, seat: Seat, more: number): void {
    this.#of(service).set(seat.name, this.#count(service, seat) + more)
  }

  #load(service: string, seat: Seat, more = 0): number {
    return (this.#count(service, seat) + more) / seat.capacity
  }

  /** How many of the service its zone carries. */
  #zone(service: string, seat: Seat): number {
    const zone = zoneOf(seat)
    return this.#seats
      .filter((other) => zoneOf(other) === zone)
      .reduce((sum, other) => sum + this.#count(service, other), 0)
  }

  /** What the machine carries of everything, for its capacity. */
  #total(seat: Seat, more = 0): number {
    const sum = [...this.#counts.keys()].reduce((all, name) => all + this.#count(name, seat), more)
    return sum / seat.capacity
  }
}

interface Move {
  readonly from: Seat
  readonly to: Seat
}

/** A machine that names no zone fails alone. */
const zoneOf = ({ name, zone }: Pick<Seat, 'name' | 'zone'>): string => zone ?? `machine ${name}`

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const order = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((found, value, at) => found || value - (b[at] ?? 0), 0)
