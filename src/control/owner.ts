// Whose is what this user may not reach? What is private to one user must not look to another as
// if it were not there.

import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault, systemCode } from '../foundation/fault.ts'

/** Whether it was there, or may have been, and was kept from this user. */
export const isRefusal = (thrown: unknown): boolean =>
  ['EACCES', 'EPERM'].includes(systemCode(thrown) ?? '')

/**
 * The Fault `refused` of `what`, at a path that this user was kept from because of `cause`: names
 * the user whose it is, as far as one can see from outside.
 */
export function notOurs(what: string, path: string, cause: unknown): Fault {
  const { uid, at } = nearestOwner(path)
  if (uid === process.getuid?.()) {
    return new Fault('refused', `this user may not reach ${what}`, {
      cause,
      remedy: `see what on the way to it is closed: namei -l ${at}`,
    })
  }
  const name = userName(uid)
  return new Fault('refused', `${what} belongs to another user, ${name}`, {
    cause,
    remedy: `do it as that user: sudo -u ${name.replace('#', '\\#')} alwayson …`,
  })
}

/** Of the path, or of the nearest folder above it that can be seen. */
function nearestOwner(path: string): { readonly uid: number; readonly at: string } {
  for (let at = path; ; at = dirname(at)) {
    try {
      return { uid: statSync(at).uid, at }
    } catch (thrown) {
      if (at === dirname(at)) throw thrown
    }
  }
}

/** By passwd(5); one that is known elsewhere goes by its number, as sudo(8) takes it. */
function userName(uid: number): string {
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const known = users.map((line) => line.split(':')).find((user) => Number(user[2]) === uid)
  return known?.[0] ?? `#${uid}`
}
