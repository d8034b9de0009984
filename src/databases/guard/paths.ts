// Where does the guard of a member stand on disk?

import { join } from 'node:path'

/** A guard's door, its record, and what it said when it failed. */
export interface GuardPaths {
  readonly socket: string
  readonly record: string
  readonly trouble: string
}

/** The paths of one member's guard in the folder of all of them. */
export const guardPaths = (folder: string, member: string): GuardPaths => ({
  socket: join(folder, `${member}.sock`),
  record: join(folder, `${member}.json`),
  trouble: join(folder, `${member}.trouble`),
})
