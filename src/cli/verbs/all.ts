// The list of the verbs, in the order in which help shows them.

import type { Command } from 'commander'
import { addChanging } from './change.ts'
import { addCoordinating } from './coordinate.ts'
import { addDatabases } from './databases.ts'
import { addFiles } from './files.ts'
import { addLooking } from './look.ts'
import { addRunning } from './run.ts'
import type { Done } from './shared.ts'

/** Adds every verb to the program. */
export function addVerbs(program: Command, done: Done): void {
  addRunning(program.commandsGroup('Keep it up:'), done)
  addLooking(program.commandsGroup('See how it is:'), done)
  addChanging(program.commandsGroup('Change what runs:'), done)
  addDatabases(program.commandsGroup('Databases:'), done)
  addCoordinating(program.commandsGroup('Several machines:'), done)
  addFiles(program.commandsGroup('Files:'), done)
}
