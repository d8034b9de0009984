// Which servers does a connect string name, and in which order are they tried? Pure.

import { Fault } from '../../foundation/fault.ts'
import { below, type Random } from '../../foundation/random.ts'
import type { Host } from './model.ts'
import { checkPath } from './paths.ts'

/** The port of a server that is named without one. */
export const defaultPort = 2181

/** Servers, and the node that is the root of all paths there. */
export interface ConnectString {
  readonly hosts: readonly Host[]
  /** Without a slash at its end; empty for the root itself. */
  readonly chroot: string
}

/**
 * Reads `a:2181,b:2181,[::1]:2181/chroot`, as every ZooKeeper client takes it. Throws a Fault
 * `bad-usage` that names what is wrong.
 */
export function parseConnectString(text: string): ConnectString {
  const slash = text.indexOf('/')
  const names = slash === -1 ? text : text.slice(0, slash)
  const chroot = slash === -1 ? '' : text.slice(slash).replace(/\/+$/, '')
  if (chroot !== '') checkPath(chroot, 'use the root')
  return { hosts: names.split(',').map((name) => parseHost(name.trim(), text)), chroot }
}

function parseHost(name: string, text: string): Host {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(name)
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || port < 1 || port > 65_535) {
    throw new Fault('bad-usage', `'${name}' in '${text}' is not a server`, {
      remedy: 'name servers as host:port, separated by commas: zk1:2181,zk2:2181',
    })
  }
  return { host, port }
}

/** A server as a person writes it. */
export const formatHost = ({ host, port }: Host): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

/** The same hosts in an order that chance picks, so that clients spread over the servers. */
export function shuffled(hosts: readonly Host[], random: Random): readonly Host[] {
  const order = [...hosts]
  for (let last = order.length - 1; last > 0; last -= 1) {
    const at = below(random, last + 1)
    const [one, other] = [order[last], order[at]]
    if (one === undefined || other === undefined) continue
    order[last] = other
    order[at] = one
  }
  return order
}
