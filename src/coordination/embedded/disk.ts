// Where do logs and snapshots live? The port: a flat folder of files that are written in one place
// and synced. Adapters: `disk-folder.ts`, and `disk-simulated.ts`, which loses what was not synced.

/** A file that is being written. */
export interface DiskFile {
  /** Writes `bytes[0, length)` at `at`; not safe before `sync`. Throws what the system says. */
  write(bytes: Buffer, length: number, at: number): void
  /** Calls `done` once everything written is safe, or with why that cannot be known. */
  sync(done: (error: Error | null) => void): void
  /** Cuts the file; safe when it returns. */
  cut(length: number): void
  close(): void
}

/** A folder that belongs to one server. */
export interface Disk {
  /** Says where it is, in messages. */
  readonly name: string
  list(): readonly string[]
  /** A whole file. */
  read(name: string): Buffer
  /** The bytes of a file. */
  sizeOf(name: string): number
  /** A new, empty file; one with this name is emptied. */
  create(name: string): DiskFile
  /** A file that exists. */
  open(name: string): DiskFile
  rename(from: string, to: string): void
  remove(name: string): void
  /** Makes what was created, renamed and removed safe. */
  sync(): void
}
