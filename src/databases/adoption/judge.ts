// Can these servers be taken over together? All that speaks against it is said at once. Pure.

import type { Bind, DatabasePlan } from '../model.ts'
import type { Adopter } from './adopter.ts'
import type { Conflict, RunningServer } from './model.ts'

type Limits = Pick<Adopter, 'behindMost'>

const at = ({ host, port }: Bind): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

const named = ({ member, address }: RunningServer): string => `${member} (${at(address)})`

const isLoopback = (host: string): boolean =>
  host === '::1' || host.startsWith('127.') || host.startsWith('/')

/** Whether both mean one place; servers of one machine call it by several names. */
export const isSamePlace = (a: Bind, b: Bind): boolean =>
  a.port === b.port && (a.host === b.host || (isLoopback(a.host) && isLoopback(b.host)))

/** What keeps servers from being taken over; nothing if they can be. */
export function judge(
  plan: Pick<DatabasePlan, 'name'>,
  servers: readonly RunningServer[],
  limits: Limits,
): readonly Conflict[] {
  const own = servers.flatMap(({ conflicts }) => conflicts)
  const primaries = servers.filter(({ role }) => role === 'primary')
  const [primary, second] = primaries
  const differing = [...versions(servers), ...identities(servers, primary)]
  if (primary === undefined) {
    const what = `none of the members of ${plan.name} takes writes: all are replicas`
    const remedy = 'name the primary under `members:` too'
    return [...own, ...differing, { what, remedy }]
  }
  if (second !== undefined) return [...own, ...differing, twoPrimaries(primary, second)]
  const replicas = servers.filter(({ role }) => role === 'replica')
  return [
    ...own,
    ...differing,
    ...replicas.flatMap((replica) => follows(replica, primary, limits)),
    ...strangers(servers, primary, replicas),
  ]
}

function versions(servers: readonly RunningServer[]): readonly Conflict[] {
  const [first, ...others] = servers
  return others.flatMap((other): readonly Conflict[] => {
    if (first === undefined || other.series === first.series) return []
    const what =
      `${named(other)} runs version ${other.version}, and ${named(first)} ` + `${first.version}`
    return [{ what, remedy: `bring all members to one version, ${first.series} or the other` }]
  })
}

/** Against the primary where there is one: then it is the other that does not belong. */
function identities(
  servers: readonly RunningServer[],
  primary: RunningServer | undefined,
): readonly Conflict[] {
  const norm = primary ?? servers[0]
  return servers.flatMap((other): readonly Conflict[] => {
    if (norm === undefined || other.identity === norm.identity) return []
    const what =
      `${named(other)} is of another cluster than ${named(norm)}: ` +
      `${other.identity}, not ${norm.identity}`
    return [{ what, remedy: `leave ${at(other.address)} out, or name the right server` }]
  })
}

const twoPrimaries = (one: RunningServer, other: RunningServer): Conflict => ({
  what: `${named(one)} and ${named(other)} both take writes: they do not replicate each other`,
  remedy: 'make one of them a replica of the other first, or leave it out',
})

function follows(
  replica: RunningServer,
  primary: RunningServer,
  { behindMost }: Limits,
): readonly Conflict[] {
  if (replica.identity !== primary.identity) return []
  const source = replica.follows
  if (source === undefined) {
    const what = `${named(replica)} is a replica that receives from nobody`
    return [{ what, remedy: `mend its replication from ${at(primary.address)} first` }]
  }
  if (!isSamePlace(source, primary.address)) {
    const what = `${named(replica)} receives from ${at(source)}, not from ${named(primary)}`
    const remedy =
      `have it receive from ${at(primary.address)} itself; ` +
      'the same server has to have the same address here'
    return [{ what, remedy }]
  }
  const behind = primary.position.at - replica.position.at
  if (behind <= behindMost.at) return []
  const what = `${named(replica)} is too far behind: by ${behind}, and ${behindMost.words} is most`
  return [{ what, remedy: 'wait until it has caught up' }]
}

/** Whoever receives and is not named would be cut off by the take-over. */
function strangers(
  servers: readonly RunningServer[],
  primary: RunningServer,
  replicas: readonly RunningServer[],
): readonly Conflict[] {
  // Who was restarted may be counted twice for a while: before that all have been counted.
  if (primary.prepared) return []
  const receivers = servers.flatMap((each) => each.receivers)
  const known = replicas.filter((each) => each.follows !== undefined).length
  if (receivers.length <= known) return []
  const what =
    `${receivers.length} servers receive from ${named(primary)}, and ${known} of them are named ` +
    `here: ${receivers.join(', ')}`
  return [{ what, remedy: 'name all of them under `members:`, or end the others first' }]
}
