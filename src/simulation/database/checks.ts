// What must hold of a replicated database, whatever happens: the promises, and their witness.

import type { Instant } from '../../foundation/time.ts'
import type { Node } from './node.ts'

/** A promise that did not hold. */
export class Broken extends Error {}

/** A write that a client waits for. */
export interface Write {
  readonly entry: number
  readonly at: number
  readonly on: Node
  /** Of the server that took it: another one answers nobody. */
  readonly life: number
  readonly epoch: number
  /** The highest epoch at which anything had been acknowledged when it was begun. */
  readonly after: number
  readonly since: Instant
}

/** Watches what clients are told, and holds it against what primaries have. */
export class Witness {
  /** What was acknowledged, and what was read, by where it is in the log. */
  readonly acked: number[] = []
  readonly read: number[] = []
  acknowledged = 0
  /** Given up by an operator, or by a file that asks for availability. */
  given = 0
  highest = 0
  /** An operator said of whoever served before this epoch that it is gone, right or wrong. */
  disownedBelow = 0
  readonly #leaders = new Map<number, string>()

  /** A client hears that its write is safe. */
  tell({ entry, at, on, epoch, after }: Write): void {
    if (epoch < this.disownedBelow) {
      this.given += 1
      return
    }
    const leader = this.#leaders.get(epoch)
    if (leader !== undefined && leader !== on.name) {
      throw new Broken(`${leader} and ${on.name} both acknowledge at epoch ${epoch}`)
    }
    this.#leaders.set(epoch, on.name)
    if (epoch < after) {
      throw new Broken(`epoch ${epoch} acknowledges what was begun after ${after} had`)
    }
    this.highest = Math.max(this.highest, epoch)
    this.acknowledged += 1
    this.acked[at] = entry
  }

  /** A client sees what the primary shows. */
  see(primary: Node): void {
    const { entries } = primary.log
    for (let at = this.read.length; at < primary.visible; at += 1) {
      this.read.push(entries[at] as number)
    }
  }

  /** Whoever is primary has what any client was ever told of, or has seen. */
  check(node: Node): void {
    this.#holds(node, this.acked, 'acknowledged')
    this.#holds(node, this.read, 'read')
  }

  #holds({ name, epoch, log }: Node, told: readonly number[], how: string): void {
    for (let at = 0; at < told.length; at += 1) {
      const entry = told[at]
      if (entry !== undefined && log.entries[at] !== entry) {
        throw new Broken(`${name} is primary of epoch ${epoch} without ${entry}, which was ${how}`)
      }
    }
  }

  /**
   * Loss was accepted: from where `node` begins, what it does not have is given up. What lies
   * before `start` has been promised to be there all the same.
   */
  giveUp(node: Node, start: number): void {
    const shared = Math.min(start, node.log.length)
    for (const told of [this.acked, this.read]) {
      for (let at = shared; at < told.length; at += 1) {
        if (told[at] === undefined || told[at] === node.log.entries[at]) continue
        if (told === this.acked) this.given += 1
        delete told[at]
      }
    }
    this.read.length = Math.min(this.read.length, shared)
  }
}
