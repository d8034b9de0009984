// Which services do the backends come to?

import { formatPath } from '../../tree.ts'
import { balanceTree } from './balance.ts'
import type { Ledger } from './ledger.ts'
import type { ProxySection, Server } from './model.ts'
import { type Namer, openNamer, plainServerName } from './names.ts'
import type { Configuration } from './proxies.ts'
import { serverTlsObstacle, serverTlsTree } from './server-tls.ts'
import type { CheckTree, ServerTree, ServiceTree } from './tree.ts'
import { endpointText, isPort, timeText } from './values.ts'

/** The services, by the name of the backend, and where their parts come from. */
export interface Services {
  /** The name of the service that a backend became. */
  readonly names: ReadonlyMap<string, string>
  readonly trees: Readonly<Record<string, ServiceTree>>
  readonly lines: Readonly<Record<string, number>>
}

/** Makes a service of every backend that has a server left. */
export function toServices(
  { proxies, caBase }: Pick<Configuration, 'proxies' | 'caBase'>,
  namer: Namer,
  ledger: Ledger,
): Services {
  const serverNamer = openNamer(60, plainServerName)
  const names = new Map<string, string>()
  const trees: Record<string, ServiceTree> = {}
  const lines: Record<string, number> = {}
  for (const proxy of proxies) {
    if (proxy.kind === 'frontend' || proxy.isDisabled) continue
    const servers = reachable(proxy, ledger)
    if (servers.length === 0) {
      if (proxy.kind === 'backend' || proxy.servers.length > 0) {
        ledger.drop(proxy.line, 'no server of it could be carried over')
      }
      continue
    }
    const name = namer.name(proxy.name)
    names.set(proxy.name, name)
    trees[name] = {
      ...serviceOf(proxy, servers, serverNamer, ledger),
      ...serverTlsTree(
        servers.map(({ server }) => server),
        caBase,
        ledger,
      ),
    }
    lines[formatPath(['services', name])] = proxy.line.number
    servers.forEach(({ server }, index) => {
      lines[formatPath(['services', name, 'servers', index])] = server.line.number
      ledger.carry(server.line)
    })
  }
  return { names, trees, lines }
}

interface Reachable {
  readonly server: Server
  readonly at: string
}

/** The servers with an address of their own, each once. */
function reachable(proxy: ProxySection, ledger: Ledger): readonly Reachable[] {
  const seen = new Set<string>()
  return proxy.servers.flatMap((server) => {
    const obstacle =
      obstacleOf(proxy, server) ?? otherBeginning(proxy, server) ?? serverTlsObstacle(proxy, server)
    if (obstacle !== undefined) {
      ledger.drop(server.line, obstacle)
      return []
    }
    const port = server.port ?? onlyPortOf(proxy)
    if (port === undefined) {
      ledger.drop(server.line, 'it names no port; name the one that it listens on')
      return []
    }
    const at = endpointText(server.host, port)
    if (seen.has(at.toLowerCase())) {
      ledger.drop(server.line, 'its address stands in this backend already')
      return []
    }
    seen.add(at.toLowerCase())
    return [{ server, at }]
  })
}

/**
 * Why a server is better left out: its check tells it apart from others that would accept just as
 * well, such as a primary from its replicas, and we could not ask the same.
 */
function obstacleOf(proxy: ProxySection, { options }: Server): string | undefined {
  if (!options.isChecked) return undefined
  if (proxy.choosesByAnswer) {
    return 'its check looks at what it says, and a check that only connects would take it as it is'
  }
  if (proxy.httpCheck !== undefined && options.check === 'elsewhere') {
    return 'its check asks another address, and every server is asked at its own'
  }
  return undefined
}

/** Whether servers are told who the client is holds for a service as a whole. */
function otherBeginning({ servers }: ProxySection, { options }: Server): string | undefined {
  const first = servers[0]?.options
  if (options.isHttp2 !== first?.isHttp2) {
    return 'it speaks another version of HTTP than the first server of its backend'
  }
  if (options.isHttp2 && options.sendProxy !== undefined) {
    return 'a PROXY header would speak for one client, and its connection is shared'
  }
  return options.sendProxy === first.sendProxy
    ? undefined
    : 'it expects another PROXY header, or none, than the first server of its backend'
}

/** The port on which a `listen` listens, if there is only one. */
function onlyPortOf(proxy: ProxySection): string | undefined {
  const ports = new Set(proxy.binds.map(({ text }) => text.slice(text.lastIndexOf(':') + 1)))
  const [port] = ports
  return ports.size === 1 && port !== undefined && isPort(port) ? port : undefined
}

function serviceOf(
  proxy: ProxySection,
  servers: readonly Reachable[],
  namer: Namer,
  ledger: Ledger,
): ServiceTree {
  const checks = servers.map(({ server }) => checkOf(proxy, server, ledger))
  const check = mostCommon(checks)
  const severalBackups = servers.filter(({ server }) => server.options.isBackup).length > 1
  const onlyBackups = servers.every(({ server }) => server.options.isBackup)
  const { connect, server: response, queue } = proxy.timeouts
  const balance = balanceTree(proxy)
  const sendProxy = servers[0]?.server.options.sendProxy
  const timeouts = {
    ...(connect === undefined ? {} : { connect: timeText(connect.value) }),
    ...(response === undefined ? {} : { response: timeText(response.value) }),
  }
  return {
    servers: servers.map(({ server, at }, index): ServerTree => {
      const own = checks[index]
      const { weight, isBackup, isDisabled, maxConnections } = server.options
      if (isBackup && severalBackups) ledger.carry(server.line, 'all backups take requests at once')
      if (isDisabled) ledger.carry(server.line, '`weight: 0`: it takes nothing')
      const share = isDisabled ? 0 : weight
      return {
        at,
        name: namer.name(server.name, `${proxy.name}-`),
        ...(share === undefined || share === 1 ? {} : { weight: share }),
        ...(isBackup && !onlyBackups ? { backup: true } : {}),
        ...(maxConnections === undefined ? {} : { max_connections: maxConnections }),
        ...(own === undefined || same(own, check) ? {} : { check: own }),
      }
    }),
    check,
    ...(balance === undefined ? {} : { balance }),
    ...slowStartOf(servers),
    ...(proxy.cookie === undefined ? {} : { sticky: proxy.cookie.value }),
    ...(servers[0]?.server.options.isHttp2 === true ? { protocol: 'http2' } : {}),
    ...(sendProxy === undefined ? {} : { send_proxy: sendProxy }),
    ...(queue === undefined ? {} : { hold: timeText(queue.value) }),
    ...(Object.keys(timeouts).length === 0 ? {} : { timeouts }),
  }
}

/** The longest of the servers': it is the service's here. */
function slowStartOf(servers: readonly Reachable[]): { readonly slow_start?: string } {
  const longest = Math.max(0, ...servers.map(({ server }) => server.options.slowStart ?? 0))
  return longest === 0 ? {} : { slow_start: timeText(longest) }
}

const same = (a: CheckTree, b: CheckTree): boolean => JSON.stringify(a) === JSON.stringify(b)

function mostCommon(checks: readonly CheckTree[]): CheckTree {
  const votes = (check: CheckTree): number => checks.filter((other) => same(other, check)).length
  return checks.toSorted((a, b) => votes(b) - votes(a))[0] ?? 'none'
}

/** How often our own checks ask where the file is silent. */
const everyMs = 1000

function checkOf(proxy: ProxySection, server: Server, ledger: Ledger): CheckTree {
  const { isChecked, every, fast, rise, fall } = server.options
  if (!isChecked) {
    if (server.options.agent.isAsked) {
      const why = 'an agent is asked only beside a check: add `check`'
      ledger.drop(server.line, why, { piece: 'agent-check' })
    }
    return 'none'
  }
  const isFaster = fast !== undefined && fast <= (every ?? everyMs)
  if (fast !== undefined && !isFaster) {
    const piece = `fastinter ${timeText(fast)}`
    ledger.drop(server.line, 'it is slower than the ordinary interval', { piece })
  }
  const { check: limit } = proxy.timeouts
  const timing = {
    ...(every === undefined ? {} : { every: timeText(every) }),
    ...(isFaster ? { fast: timeText(fast) } : {}),
    ...(fall === undefined ? {} : { fall }),
    ...(rise === undefined ? {} : { rise }),
    ...(limit === undefined ? {} : { timeout: timeText(limit.value) }),
  }
  const where = {
    ...(server.options.checkPort === undefined ? {} : { port: server.options.checkPort }),
    ...agentOf(server, ledger),
  }
  const isPlain = Object.keys({ ...timing, ...where }).length === 0
  const isEncrypted = server.options.check === 'encrypted' && !server.options.tls.isOn
  if (isEncrypted) {
    const why = 'checks are encrypted where the service is: this one only connects'
    ledger.drop(server.line, why, { piece: 'check-ssl' })
  }
  if (proxy.httpCheck === undefined || isEncrypted)
    return isPlain ? 'tcp' : { tcp: true, ...timing, ...where }
  const { method, path, host, headers } = proxy.httpCheck
  const question = {
    http: path,
    ...(method === 'GET' ? {} : { method }),
    ...(host === undefined ? {} : { host }),
    ...(headers === undefined ? {} : { headers }),
    ...(proxy.expect === undefined ? {} : { expect: oneOrList(proxy.expect.map(numberOrRange)) }),
    ...(proxy.body === undefined ? {} : { body: proxy.body }),
  }
  const isShort = isPlain && Object.keys(question).length === 1
  return isShort ? path : { ...question, ...timing, ...where }
}

/** The agent of a server that is asked: HAProxy requires its port. */
function agentOf({ options, line }: Server, ledger: Ledger): { readonly agent?: unknown } {
  const { isAsked, port, host, every, send } = options.agent
  if (!isAsked) return {}
  if (port === undefined) {
    ledger.drop(line, 'it names no port for the agent', { piece: 'agent-check' })
    return {}
  }
  const more = {
    ...(host === undefined ? {} : { host }),
    ...(every === undefined ? {} : { every: timeText(every) }),
    ...(send === undefined ? {} : { send }),
  }
  return { agent: Object.keys(more).length === 0 ? port : { port, ...more } }
}

const oneOrList = <T>(items: readonly T[]): T | readonly T[] =>
  items.length === 1 && items[0] !== undefined ? items[0] : items

const numberOrRange = (status: string): number | string =>
  /^\d+$/.test(status) ? Number(status) : status
