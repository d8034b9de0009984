// May this one do that? Access control lists with the schemes world, ip, auth, digest and super, as
// Apache ZooKeeper checks them (PrepRequestProcessor.fixupACL, ZooKeeperServer.checkACL).

import { createHash } from 'node:crypto'
import { permission } from '../../wire/jute/opcodes.ts'
import { type Cursor, Sink } from './bytes.ts'
import type { AclEntry, Identity } from './model.ts'

/** A list that is in use. Equal lists are one object, so that a node's list costs one reference. */
export interface Acl {
  readonly entries: readonly AclEntry[]
  /** The entries as jute's vector: what the log and `getACL` write. */
  readonly bytes: Buffer
  /** Everybody may do everything: nothing needs to be checked. */
  readonly open: boolean
}

const world: AclEntry = { perms: permission.all, scheme: 'world', id: 'anyone' }

const isSame = (a: AclEntry, b: AclEntry): boolean =>
  a.perms === b.perms && a.scheme === b.scheme && a.id === b.id

function encode(entries: readonly AclEntry[]): Buffer {
  const sink = new Sink(64)
  sink.int(entries.length)
  for (const { perms, scheme, id } of entries) {
    sink.int(perms)
    sink.text(scheme)
    sink.text(id)
  }
  return Buffer.from(sink.bytes.subarray(0, sink.length))
}

/** The list of these entries. */
export const makeAcl = (entries: readonly AclEntry[]): Acl => ({
  entries,
  bytes: encode(entries),
  open: entries.some((entry) => isSame(entry, world)),
})

/** Everybody may do everything (ZooDefs.Ids.OPEN_ACL_UNSAFE). */
export const openAcl: Acl = makeAcl([world])
/** Everybody may read (ZooDefs.Ids.READ_ACL_UNSAFE). */
export const readAcl: Acl = makeAcl([{ ...world, perms: permission.read }])

/** The lists in use, each once. */
export class AclTable {
  #known = new Map<string, Acl>([this.#keyed(openAcl), this.#keyed(readAcl)])

  #keyed(acl: Acl): [string, Acl] {
    return [acl.bytes.toString('latin1'), acl]
  }

  get size(): number {
    return this.#known.size
  }

  /** The list that is in use and equal to `acl`: `acl` itself, if there is none. */
  intern(acl: Acl): Acl {
    const key = acl.bytes.toString('latin1')
    const known = this.#known.get(key)
    if (known !== undefined) return known
    this.#known.set(key, acl)
    return acl
  }

  /** Forgets a list that was new, and that nothing came to use. */
  forget(acl: Acl): void {
    const key = acl.bytes.toString('latin1')
    if (this.#known.get(key) === acl) this.#known.delete(key)
  }

  /** Forgets every list that is not among `used`: called when all nodes are walked anyway. */
  keepOnly(used: ReadonlySet<Acl>): void {
    this.#known = new Map([openAcl, readAcl, ...used].map((acl) => this.#keyed(acl)))
  }
}

/** The bytes of the list that nearly every client sends. */
const openBytes = openAcl.bytes

/** Whether the vector that begins at the cursor is the open list; if so, moves over it. */
export function takeOpenAcl(from: Cursor): boolean {
  const { bytes, at, limit } = from
  if (limit - at < openBytes.length) return false
  for (let index = 0; index < openBytes.length; index += 1) {
    if (bytes[at + index] !== openBytes[index]) return false
  }
  from.at = at + openBytes.length
  return true
}

/** Reads a vector of entries; `null` stands for jute's nulls. Sets `bad` at the cursor's end. */
export function readAclEntries(
  from: Cursor,
): { perms: number; scheme: string | null; id: string | null }[] {
  const count = from.int()
  const entries = []
  for (let index = 0; index < count && !from.bad; index += 1) {
    entries.push({ perms: from.int(), scheme: from.text(), id: from.text() })
  }
  return entries
}

/** Whether `id` can stand in a list under `scheme`. */
function isValidId(scheme: string, id: string): boolean {
  if (scheme === 'ip') return parseNetwork(id) !== undefined
  if (scheme !== 'digest') return false
  // Java's split drops empty parts at the end.
  const parts = id.replace(/:+$/, '').split(':')
  return parts.length === 2
}

/**
 * The list that a client's wish becomes: without duplicates, `auth` replaced by who the client
 * has proved to be. `undefined`: the list is not valid; `unreadable`: an id is jute's null.
 */
export function fixedAcl(
  wished: readonly { perms: number; scheme: string | null; id: string | null }[],
  who: readonly Identity[],
): readonly AclEntry[] | 'unreadable' | undefined {
  const fixed: AclEntry[] = []
  const seen = new Set<string>()
  for (const { perms, scheme, id } of wished) {
    const key = JSON.stringify([perms, scheme, id])
    if (seen.has(key)) continue
    seen.add(key)
    if (scheme === null) return undefined
    if (scheme === 'auth') {
      const proved = who.filter((identity) => identity.scheme === 'digest')
      if (proved.length === 0) return undefined
      for (const identity of proved) fixed.push({ perms, ...identity })
    } else if (id === null) {
      return ['world', 'ip', 'digest'].includes(scheme) ? 'unreadable' : undefined
    } else if (isSame({ perms, scheme, id }, { ...world, perms }) || isValidId(scheme, id)) {
      fixed.push({ perms, scheme, id })
    } else return undefined
  }
  return fixed.length === 0 ? undefined : fixed
}

/** Whether `who` may do one of what `wanted` adds up. */
export function isAllowed(acl: Acl, wanted: number, who: readonly Identity[]): boolean {
  if (acl.open || acl.entries.length === 0) return true
  if (who.some((identity) => identity.scheme === 'super')) return true
  return acl.entries.some((entry) => {
    if ((entry.perms & wanted) === 0) return false
    if (entry.scheme === 'world' && entry.id === 'anyone') return true
    return who.some((identity) => identity.scheme === entry.scheme && matches(identity, entry))
  })
}

const matches = (identity: Identity, entry: AclEntry): boolean =>
  entry.scheme === 'ip' ? isInNetwork(identity.id, entry.id) : identity.id === entry.id

function parseAddress(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\+?\d+$/.test(part))) return undefined
  const numbers = parts.map(Number)
  if (numbers.some((part) => part > 255)) return undefined
  return numbers.reduce((sum, part) => sum * 256 + part, 0)
}

/** Reads `10.0.0.0/8` or one address. IPv4 only, as Apache ZooKeeper before 3.9.4. */
function parseNetwork(text: string): { address: number; bits: number } | undefined {
  const slash = text.indexOf('/')
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash))
  const length = slash < 0 ? '32' : text.slice(slash + 1)
  if (address === undefined || !/^[+]?\d+$/.test(length) || Number(length) > 32) return undefined
  return { address, bits: Number(length) }
}

function isInNetwork(address: string, network: string): boolean {
  const parsed = parseNetwork(network)
  const here = parseAddress(address)
  if (parsed === undefined || here === undefined) return false
  const size = 2 ** (32 - parsed.bits)
  return Math.floor(here / size) === Math.floor(parsed.address / size)
}

/** The identity that `user:password` proves: the user, and SHA-1 of the whole in base64. */
export function digestIdentity(credentials: string): Identity {
  const user = credentials.split(':', 1)[0] ?? ''
  const digest = createHash('sha1').update(credentials).digest('base64')
  return { scheme: 'digest', id: `${user}:${digest}` }
}

/**
 * What a client proves with `addauth`; `undefined` where it proves nothing. `superDigest` is the
 * digest of whoever may do everything.
 */
export function provedBy(
  scheme: string | null,
  credentials: string | null,
  superDigest: string | undefined,
): readonly Identity[] | undefined {
  // The address is among what a connection is from the start.
  if (scheme === 'ip') return []
  if (scheme !== 'digest' || credentials === null) return undefined
  const identity = digestIdentity(credentials)
  return identity.id === superDigest ? [{ scheme: 'super', id: '' }, identity] : [identity]
}

/** `who` and what was proved, each once. */
export const withIdentities = (
  who: readonly Identity[],
  proved: readonly Identity[],
): readonly Identity[] => [
  ...who,
  ...proved.filter((fresh) => !who.some((old) => isSameIdentity(old, fresh))),
]

const isSameIdentity = (a: Identity, b: Identity): boolean => a.scheme === b.scheme && a.id === b.id
