// The settings of one server of an ensemble of Apache ZooKeeper, as its files hold them (ZooKeeper
// Administrator's Guide, "Configuration Parameters"). Knows no disk.

import type { Machine, ManagedPlan } from '../../model.ts'

/**
 * The number of each member. It comes from the name, so that no server gets another's when the list
 * changes: data with another number than before would vote twice.
 */
export function numbersOf(members: readonly Machine[]): ReadonlyMap<string, number> {
  const taken = new Map<string, number>()
  const used = new Set<number>()
  for (const name of members.map((member) => member.name).toSorted()) {
    let number = hashOf(name)
    while (used.has(number)) number = (number % 254) + 1
    used.add(number)
    taken.set(name, number)
  }
  return taken
}

/** 1 to 254: the first byte of the sessions' ids that a server gives out. */
const hashOf = (name: string): number => {
  // FNV-1a.
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return (hash % 254) + 1
}

/** Where one server keeps its things. */
export interface ServerFiles {
  /** Transactions and snapshots. */
  readonly data: string
  /** Its certificate and key in one file, and the authority's certificate. */
  readonly identity: string
  readonly authority: string
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** Milliseconds of a tick: what followers and leader allow each other is counted in them. */
const tickMs = 200

/** The text of zoo.cfg for the server on `machine`. */
export function zooCfg(plan: ManagedPlan, machine: Machine, files: ServerFiles): string {
  const { ports, members } = plan
  const numbers = numbersOf(members)
  const tls = {
    'keyStore.location': files.identity,
    'keyStore.type': 'PEM',
    'trustStore.location': files.authority,
    'trustStore.type': 'PEM',
  }
  const settings: Record<string, string | number | boolean> = {
    dataDir: files.data,
    tickTime: tickMs,
    // A follower that is silent for 1.6 s is left behind; a leader whose followers are, resigns.
    syncLimit: 8,
    // Until enough followers have all that they missed: 4 s. Whoever was elected waits so long for
    // followers that have changed their minds (ZOOKEEPER-4685), and nobody is served meanwhile.
    initLimit: 20,
    // One that hears nobody is heard, and may be elected: it is given up after 0.8 s.
    connectToLearnerMasterLimit: 4,
    minSessionTimeout: 2 * tickMs,
    maxSessionTimeout: 60_000,
    maxClientCnxns: 0,
    secureClientPort: ports.client,
    secureClientPortAddress: machine.address,
    serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
    quorumListenOnAllIPs: false,
    reconfigEnabled: false,
    'admin.enableServer': false,
    '4lw.commands.whitelist': 'ruok,srvr,stat,mntr,conf,cons,isro,wchs',
    preAllocSize: 16 * 1024,
    snapCount: 100_000,
    'autopurge.snapRetainCount': 3,
    'autopurge.purgeInterval': 1,
    sslQuorum: true,
  }
  for (const [name, value] of Object.entries(tls)) {
    settings[`ssl.${name}`] = value
    settings[`ssl.quorum.${name}`] = value
  }
  if (members.length > 1) {
    for (const { name, address } of members) {
      settings[`server.${numbers.get(name)}`] =
        `${bracketed(address)}:${ports.peer}:${ports.election}`
    }
  }
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** Java's system properties, for what zoo.cfg does not take. */
export const properties: Readonly<Record<string, string | number | boolean>> = {
  'file.encoding': 'UTF-8',
  'zookeeper.extendedTypesEnabled': true,
  // To a machine that is cut off a connection is not refused: the election must not wait for it.
  'zookeeper.cnxTimeout': 1000,
  // Who was elected gives up when one that had voted for it no longer does.
  'zookeeper.leader.maxTimeToWaitForEpoch': 1000,
  // Nobody waits for a frozen peer to take leave of its TLS session.
  'zookeeper.leader.closeSocketAsync': true,
  'zookeeper.learner.closeSocketAsync': true,
  // Lines without a time tell little of what came of what. Debian's logger; others have their own.
  'org.slf4j.simpleLogger.showDateTime': true,
  'org.slf4j.simpleLogger.dateTimeFormat': "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
}
