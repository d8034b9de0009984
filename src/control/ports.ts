// Who listens on this port of this machine? Read from /proc, so that a fault can name the process.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { systemCode } from '../foundation/fault.ts'

/** A socket that accepts TCP connections. */
export interface Listener {
  /** `0.0.0.0` and `::` stand for every address. */
  readonly host: string
  readonly port: number
  readonly inode: string
}

const listening = '0A'

/** Reads the text of /proc/net/tcp or tcp6 (proc(5)); lines it cannot read are skipped. */
export function parseListeners(text: string): readonly Listener[] {
  return text.split('\n').flatMap((line): Listener[] => {
    // A busy machine has tens of thousands of lines, and a few listeners among them.
    if (!line.includes(` ${listening} `)) return []
    const fields = line.trim().split(/\s+/)
    const [, local = '', , state, , , , , , inode] = fields
    const [address = '', port = ''] = local.split(':')
    if (state !== listening || inode === undefined) return []
    return [{ host: parseAddress(address), port: Number.parseInt(port, 16), inode }]
  })
}

/** An address as the kernel prints it: words of 32 bits, each in the machine's (little) order. */
function parseAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? []
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).toReversed())
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
  const groups = Array.from({ length: 8 }, (_, group) => bytes.slice(2 * group, 2 * group + 2))
  return canonical(groups.map((pair) => pair.join('')).join(':'))
}

/** One spelling of an IPv6 address (RFC 5952), as URLs have it; anything else stays as it is. */
const canonical = (host: string): string =>
  host.includes(':') ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host

/** Every listener of this network namespace. */
export function listeners(): readonly Listener[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => {
    try {
      return parseListeners(readFileSync(path, 'utf8'))
    } catch (thrown) {
      // A machine without IPv6 has no tcp6.
      if (systemCode(thrown) === 'ENOENT') return []
      throw thrown
    }
  })
}

const everywhere = new Set(['0.0.0.0', '::', '*'])

/** Whether a listener answers at the address: the same one, or one of them is every address. */
export const overlaps = (listener: Listener, host: string, port: number): boolean =>
  listener.port === port &&
  (listener.host === canonical(host) || everywhere.has(listener.host) || everywhere.has(host))

/** The sockets that a process holds; none if it is gone or belongs to somebody else. */
export function socketsOf(pid: number | string): ReadonlySet<string> {
  const inodes = new Set<string>()
  for (const fd of entriesOf(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]
    if (inode !== undefined) inodes.add(inode)
  }
  return inodes
}

/** The process that holds a socket, as far as this user may see. */
export interface Owner {
  readonly pid: number
  readonly name: string
}

/** Finds who holds a socket; `undefined` when it belongs to another user. */
export function ownerOf(inode: string): Owner | undefined {
  for (const pid of entriesOf('/proc')) {
    if (!/^\d+$/.test(pid) || !socketsOf(pid).has(inode)) continue
    return { pid: Number(pid), name: nameOf(pid) }
  }
  return undefined
}

/** The name by which a person knows a process: its command line's first words. */
function nameOf(pid: string): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
    return words.slice(0, 2).join(' ').slice(0, 80)
  } catch {
    return 'a process that has just ended'
  }
}

// A process may end, or belong to another user, while it is being looked at.
function entriesOf(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
