// What does an agent that runs as root keep outside its state folder, and has to go with it?

import { rmSync } from 'node:fs'
import { databaseFolders } from '../../src/agent/database-folders.ts'

/** Removes what the databases of the agent of `state` kept for as long as they ran. */
export function removeRunFolder(state: string): void {
  const { run } = databaseFolders(state, process.getuid?.() === 0)
  rmSync(run, { recursive: true, force: true })
}
