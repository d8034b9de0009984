// What is a valid path, and where does it lie under a chroot? Pure.

import { ZooKeeperError } from './errors.ts'

/** Characters that no node's name may hold (PathUtils.validatePath). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const forbidden = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/

/** Why a path is not valid; `undefined` when it is. The rules are those of every server. */
export function pathFault(path: string): string | undefined {
  if (path === '') return 'it is empty'
  if (!path.startsWith('/')) return 'it does not begin with a slash'
  if (path === '/') return undefined
  if (path.endsWith('/')) return 'it ends with a slash'
  if (path.includes('//')) return 'it has an empty name'
  if (/\/\.{1,2}(\/|$)/.test(path)) return 'it has a name that is only dots'
  return forbidden.test(path) ? 'it has a character that names cannot hold' : undefined
}

/** Throws a ZooKeeperError `bad-arguments` for a path that no server would take. */
export function checkPath(path: string, operation: string, sequential = false): void {
  // A number is put after a sequential node's path: '/queue/' is then the path of '/queue/000…'.
  const fault = pathFault(sequential ? `${path}0` : path)
  if (fault === undefined) return
  const cause = new Error(`${JSON.stringify(path)} is not a path: ${fault}`)
  throw new ZooKeeperError('bad-arguments', operation, { path, cause })
}

/** The path as the server knows it. */
export const underChroot = (chroot: string, path: string): string => {
  if (chroot === '') return path
  return path === '/' ? chroot : chroot + path
}

/** The path as the client's user knows it. */
export const withoutChroot = (chroot: string, path: string): string => {
  if (chroot === '' || !path.startsWith(chroot)) return path
  return path.length === chroot.length ? '/' : path.slice(chroot.length)
}

/** The node above; the root's is the root. */
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

/** A node's own name. */
export const nameIn = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** A child's path. */
export const childOf = (path: string, name: string): string =>
  path === '/' ? `/${name}` : `${path}/${name}`
