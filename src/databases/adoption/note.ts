// What is kept of a take-over, so that the next agent goes on with it, and with what was inherited?

import { mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { readWhole, writeWhole } from '../../control/whole-file.ts'
import { Fault } from '../../foundation/fault.ts'
import type { AdoptionNote } from './model.ts'

/** The note of one member; `undefined` while nothing has been done. Throws a Fault. */
export function readNote(path: string): AdoptionNote | undefined {
  const text = readWhole(path)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as AdoptionNote
  } catch (cause) {
    throw new Fault('corrupt', `how a member was taken over cannot be read from ${path}`, {
      cause,
      remedy: 'put the file back from a copy: it has the settings that its server needs',
    })
  }
}

/** On disk when it returns; its folder is made, for it is the first thing that is kept there. */
export function writeNote(path: string, note: AdoptionNote): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeWhole(path, JSON.stringify(note))
}

/** Nothing was done after all. */
export const dropNote = (path: string): void => rmSync(path, { force: true })
