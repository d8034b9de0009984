// A database's log on a disk: what was written, how much of it is safe, how much of it applied.

/** An entry is the line on which it was written, and a number of its own: small, for speed. */
const perLine = 1_000_000

/** The entry `id`, which nothing else has, on `line`. */
export const entryOf = (line: number, id: number): number => line * perLine + id

export const lineOf = (entry: number): number => Math.floor(entry / perLine)

export class Log {
  entries: number[] = []
  /** So many are safe when the power goes. */
  synced = 0
  /** So many are applied: others can see them where they may. */
  applied = 0

  get length(): number {
    return this.entries.length
  }

  /** Writes, and makes sure of it. */
  append(entry: number): void {
    this.entries.push(entry)
    this.synced = this.entries.length
    this.applied = this.synced
  }

  /** Everything from `length` on is gone. */
  cut(length: number): void {
    if (this.entries.length > length) this.entries.length = length
    this.synced = Math.min(this.synced, length)
    this.applied = Math.min(this.applied, length)
  }

  losePower(): void {
    this.cut(this.synced)
  }

  isPartOf(other: Log): boolean {
    const { length } = this.entries
    return (
      length <= other.entries.length &&
      (length === 0 || this.entries[length - 1] === other.entries[length - 1])
    )
  }

  /** Takes up to `most` entries of one that it is a part of. They are not safe yet. */
  copy(other: Log, most: number): void {
    const end = Math.min(other.synced, this.entries.length + most)
    for (let at = this.entries.length; at < end; at += 1) {
      this.entries.push(other.entries[at] as number)
    }
  }

  /** Becomes the same as another, all of it safe. */
  become(other: Log): void {
    this.entries = other.entries.slice(0, other.synced)
    this.synced = this.entries.length
    this.applied = this.synced
  }

  /** How many entries it shares with another from the beginning. */
  sharedWith(other: Log): number {
    let low = 0
    let high = Math.min(this.entries.length, other.entries.length)
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.entries[middle - 1] === other.entries[middle - 1]) low = middle
      else high = middle - 1
    }
    return low
  }
}
