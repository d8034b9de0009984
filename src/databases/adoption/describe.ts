// What would a take-over change? One sentence for each thing, in the order in which it begins.

import type { DatabasePlan } from '../model.ts'
import type { Adopter } from './adopter.ts'
import type { LocalServer, RunningServer } from './model.ts'

/** What is known of a server on this machine; `undefined` of one on another. */
export interface LocalPart {
  readonly server: LocalServer
  /** Where its data goes. */
  readonly data: string
}

const programNames = { postgresql: 'PostgreSQL', mariadb: 'MariaDB', mysql: 'MySQL' } as const

/** The plan of a take-over. `localOf` tells what is known of those that run on this machine. */
export function describeAdoption(
  plan: DatabasePlan,
  servers: readonly RunningServer[],
  localOf: (member: string) => LocalPart | undefined,
  { engine }: Pick<Adopter, 'engine'>,
): readonly string[] {
  const primary = servers.find(({ role }) => role === 'primary')
  const replicas = servers.filter((each) => each !== primary && !each.ours)
  if (primary === undefined) return []
  const order = [...replicas, primary].map(({ member }) => member)
  return [
    `found: ${servers.map((each) => foundAs(each, programNames[engine])).join('; ')}`,
    ...(primary.prepared ? [] : preparing(plan, primary)),
    `one after another, each once the one before it receives again: ${order.join(', ')}`,
    ...order.flatMap((name) => {
      const server = servers.find(({ member }) => member === name)
      return server === undefined ? [] : taking(plan, server, localOf(name))
    }),
    `${primary.member} last: writes stop while it is restarted, as in a planned move, and its ` +
      'clients connect anew; it is primary again afterwards',
    `from then on only Always On starts and stops them; clients that are to go on after a ` +
      `failover connect to ${plan.bind.write.host}:${plan.bind.write.port}`,
  ]
}

const foundAs = ({ member, role, version, address }: RunningServer, program: string): string =>
  `${member}, ${program} ${version} at ${address.host}:${address.port}, ${role}`

const preparing = ({ app, name }: DatabasePlan, primary: RunningServer): readonly string[] => [
  `on ${primary.member}, without a restart: make the users alwayson (may do everything) and ` +
    'those that members receive by, and let these in',
  `once it is taken over: make the user ${app.user} for applications, with a password of its ` +
    `own (alwayson url ${name}), and the database ${app.database} if there is none`,
]

const taking = (
  plan: DatabasePlan,
  server: RunningServer,
  local: LocalPart | undefined,
): readonly string[] => {
  const on = plan.members.find(({ name }) => name === server.member)?.machine
  const who =
    local === undefined
      ? `its agent on ${on ?? 'its machine'} ends it`
      : local.server.unit === undefined
        ? `end its process (${local.server.program}, process ${local.server.pid})`
        : `stop and disable ${local.server.unit}, so that it is not started at boot`
  const moved =
    local === undefined
      ? `move ${server.folder} to where Always On keeps its data, on the same disk`
      : `move ${server.folder} to ${local.data}, on the same disk`
  return [
    `${server.member}: ${who}; ${moved}; start it under a guard`,
    ...server.changes.map((change) => `${server.member}, with that restart: ${change}`),
  ]
}
