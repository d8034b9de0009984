// Where is what stands at this path? A hash table that is asked with bytes, so that a request is
// looked up without making a string of its path.

import { hashBytes, sameBytes } from './bytes.ts'

/** What can be kept in a `PathIndex`: it knows its path, and the index threads it on a chain. */
export interface Indexed<T> {
  readonly path: Buffer
  /** `hashBytes` of the whole path. */
  readonly hash: number
  /** The next entry of the same bucket; belongs to the index. */
  next: T | null
}

/** Entries by the bytes of their paths. A path stands in it once: the caller asks `find` first. */
export class PathIndex<T extends Indexed<T>> {
  #buckets: (T | null)[] = new Array(1024).fill(null)
  #mask = 1023
  #size = 0

  get size(): number {
    return this.#size
  }

  /** What stands at the path `from[start, end)`; `null` if nothing does. */
  find(from: Buffer, start: number, end: number): T | null {
    const hash = hashBytes(from, start, end)
    let entry = this.#buckets[hash & this.#mask] as T | null
    while (entry !== null) {
      if (entry.hash === hash && sameBytes(from, start, end, entry.path)) return entry
      entry = entry.next
    }
    return null
  }

  /** `find` for a path whose hash is known. */
  findHashed(path: Buffer, hash: number): T | null {
    let entry = this.#buckets[hash & this.#mask] as T | null
    while (entry !== null) {
      if (entry.hash === hash && sameBytes(path, 0, path.length, entry.path)) return entry
      entry = entry.next
    }
    return null
  }

  add(entry: T): void {
    if (this.#size > this.#mask) this.#grow()
    const at = entry.hash & this.#mask
    entry.next = this.#buckets[at] as T | null
    this.#buckets[at] = entry
    this.#size += 1
  }

  remove(entry: T): void {
    const at = entry.hash & this.#mask
    let before: T | null = null
    let here = this.#buckets[at] as T | null
    while (here !== null && here !== entry) {
      before = here
      here = here.next
    }
    if (here === null) return
    if (before === null) this.#buckets[at] = here.next
    else before.next = here.next
    here.next = null
    this.#size -= 1
  }

  *[Symbol.iterator](): Generator<T> {
    for (const head of this.#buckets) {
      for (let entry = head; entry !== null; entry = entry.next) yield entry
    }
  }

  #grow(): void {
    const entries = [...this]
    const length = this.#buckets.length * 4
    this.#buckets = new Array(length).fill(null)
    this.#mask = length - 1
    for (const entry of entries) {
      const at = entry.hash & this.#mask
      entry.next = this.#buckets[at] as T | null
      this.#buckets[at] = entry
    }
  }
}
