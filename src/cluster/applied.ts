// May this file become the one that is in force? Only if it follows the one that is. Pure.

import { Fault } from '../foundation/fault.ts'
import type { AppliedDocument } from './model.ts'

/** The file in force, with its version. */
export interface InForce {
  readonly version: number
  readonly document: AppliedDocument
}

/** What somebody wants to apply. */
export interface WantedFile {
  readonly text: string
  /** The version that the file on this machine follows; undefined if it never followed one. */
  readonly base: number | undefined
  /** The version that is to be overruled, if somebody said so. */
  readonly over: number | undefined
}

/** What becomes of it. */
export type Verdict =
  /** It is what is in force. */
  | { readonly kind: 'same'; readonly version: number }
  /** It replaces this version, or is the first. */
  | { readonly kind: 'replaces'; readonly version: number | undefined }

/** Judges a file; throws a Fault `refused` if it does not follow the one in force. */
export function judgeFile(wanted: WantedFile, inForce: InForce | undefined): Verdict {
  if (inForce === undefined) return { kind: 'replaces', version: undefined }
  const { version, document } = inForce
  if (document.text === wanted.text) return { kind: 'same', version }
  if (wanted.over !== undefined && wanted.over !== version) {
    throw new Fault('refused', `the file in force is version ${version}, not ${wanted.over}`, {
      remedy: 'look at it again: alwayson file',
    })
  }
  if (wanted.over === version || wanted.base === version) return { kind: 'replaces', version }
  const follows =
    wanted.base === undefined ? 'follows no version' : `follows version ${wanted.base}`
  throw new Fault(
    'refused',
    `the file in force is version ${version}, applied on ${document.by}; this one ${follows}`,
    {
      remedy:
        'take over what was changed there (alwayson file shows it), then say that you have: ' +
        `alwayson apply --over ${version}`,
    },
  )
}
