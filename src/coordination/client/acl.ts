// Who may do what with a node? Access control lists, made from words.

import { createHash } from 'node:crypto'
import { permission } from '../../wire/jute/opcodes.ts'
import type { Acl, Permission } from './model.ts'

const bits = (permissions: readonly Permission[]): number =>
  permissions.reduce((sum, name) => sum | permission[name], 0)

/** Everybody may do what is listed; everything when nothing is. */
export const anyone = (...permissions: readonly Permission[]): Acl => ({
  perms: bits(permissions.length === 0 ? ['all'] : permissions),
  id: { scheme: 'world', id: 'anyone' },
})

/** Whoever the session has authenticated as when the node is made; everything unless listed. */
export const creator = (...permissions: readonly Permission[]): Acl => ({
  perms: bits(permissions.length === 0 ? ['all'] : permissions),
  id: { scheme: 'auth', id: '' },
})

/** Whoever knows this name and password; everything unless listed. */
export const digest = (
  name: string,
  secret: string,
  ...permissions: readonly Permission[]
): Acl => ({
  perms: bits(permissions.length === 0 ? ['all'] : permissions),
  id: { scheme: 'digest', id: digestId(name, secret) },
})

/** Whoever connects from this address or network (`10.0.0.0/8`); everything unless listed. */
export const address = (network: string, ...permissions: readonly Permission[]): Acl => ({
  perms: bits(permissions.length === 0 ? ['all'] : permissions),
  id: { scheme: 'ip', id: network },
})

/** What an ACL holds in place of a password: `name:base64(sha1(name:password))`. */
export const digestId = (name: string, secret: string): string =>
  `${name}:${createHash('sha1').update(`${name}:${secret}`).digest('base64')}`

/** Everybody may do everything: what a node has unless said otherwise. */
export const openToAll: readonly Acl[] = [anyone()]
