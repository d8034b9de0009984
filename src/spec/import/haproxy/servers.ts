// What does a `server` line say (configuration manual, section 5.2)?

import { patterns } from '../../values.ts'
import type { Ledger } from './ledger.ts'
import type { Line, Loss, Server, ServerAgent, ServerOptions, ServerTls } from './model.ts'
import { isHost, isPort, readCount, readEndpoint, readTime } from './values.ts'

/** What holds before any `default-server` says otherwise. */
export const plainServer: ServerOptions = {
  isChecked: false,
  check: 'as-traffic',
  checkPort: undefined,
  agent: { isAsked: false, port: undefined, host: undefined, every: undefined, send: undefined },
  tls: { isOn: false, verify: true, ca: undefined, name: undefined },
  weight: undefined,
  isBackup: false,
  isDisabled: false,
  maxConnections: undefined,
  every: undefined,
  fast: undefined,
  rise: undefined,
  fall: undefined,
  slowStart: undefined,
  sendProxy: undefined,
  isHttp2: false,
}

type Read = (
  options: ServerOptions,
  value: string | undefined,
) => Partial<ServerOptions> | undefined

const atLeast = (least: number, value: number | undefined): number | undefined =>
  value === undefined ? undefined : Math.max(least, value)

/** Parameters that are carried over; `takes` counts the words after the keyword. */
const carried: Readonly<Record<string, { readonly takes: 0 | 1; readonly read: Read }>> = {
  check: { takes: 0, read: () => ({ isChecked: true }) },
  'no-check': { takes: 0, read: () => ({ isChecked: false }) },
  backup: { takes: 0, read: () => ({ isBackup: true }) },
  'no-backup': { takes: 0, read: () => ({ isBackup: false }) },
  disabled: { takes: 0, read: () => ({ isDisabled: true }) },
  enabled: { takes: 0, read: () => ({ isDisabled: false }) },
  weight: { takes: 1, read: (_, word) => whole('weight', readCount(word, 0, 256)) },
  maxconn: { takes: 1, read: (_, word) => limit(readCount(word, 0, 1_000_000)) },
  inter: { takes: 1, read: (_, word) => whole('every', atLeast(10, readTime(word))) },
  fastinter: { takes: 1, read: (_, word) => whole('fast', atLeast(10, readTime(word))) },
  'send-proxy': { takes: 0, read: () => ({ sendProxy: 'v1' }) },
  'send-proxy-v2': { takes: 0, read: () => ({ sendProxy: 'v2' }) },
  'no-send-proxy': { takes: 0, read: () => ({ sendProxy: undefined }) },
  'no-send-proxy-v2': { takes: 0, read: () => ({ sendProxy: undefined }) },
  slowstart: { takes: 1, read: (_, word) => whole('slowStart', readTime(word)) },
  rise: { takes: 1, read: (_, word) => whole('rise', readCount(word, 1, 100)) },
  proto: {
    takes: 1,
    read: (_, word) => (word === 'h2' ? { isHttp2: true } : word === 'h1' ? {} : undefined),
  },
  port: { takes: 1, read: (_, word) => whole('checkPort', readCount(word, 1, 65_535)) },
  'agent-check': { takes: 0, read: (before) => agentWith(before, { isAsked: true }) },
  'no-agent-check': { takes: 0, read: (before) => agentWith(before, { isAsked: false }) },
  'agent-port': {
    takes: 1,
    read: (before, word) => agentNumber(before, 'port', readCount(word, 1, 65_535)),
  },
  'agent-inter': {
    takes: 1,
    read: (before, word) => agentNumber(before, 'every', atLeast(10, readTime(word))),
  },
  'agent-addr': {
    takes: 1,
    read: (before, word = '') =>
      patterns.agentHost.test(word) ? agentWith(before, { host: word }) : undefined,
  },
  'agent-send': {
    takes: 1,
    read: (before, word = '') =>
      word === '' || word.includes('${') ? undefined : agentWith(before, { send: word }),
  },
  ssl: { takes: 0, read: (before) => tlsWith(before, { isOn: true }) },
  'no-ssl': { takes: 0, read: (before) => tlsWith(before, { isOn: false }) },
  'check-ssl': { takes: 0, read: () => ({ check: 'encrypted' }) },
  verify: {
    takes: 1,
    read: (before, word) =>
      word === 'none' || word === 'required'
        ? tlsWith(before, { verify: word === 'required' })
        : undefined,
  },
  'ca-file': {
    takes: 1,
    read: (before, word = '') => {
      if (word === '' || word.includes('${')) return undefined
      return tlsWith(before, { ca: word === '@system-ca' ? undefined : word })
    },
  },
  sni: { takes: 1, read: (before, word = '') => named(before, /^str\((.+)\)$/.exec(word)?.[1]) },
  verifyhost: { takes: 1, read: named },
  fall: { takes: 1, read: (_, word) => whole('fall', readCount(word, 1, 100)) },
}

const whole = (
  key: keyof ServerOptions,
  value: number | undefined,
): Partial<ServerOptions> | undefined => (value === undefined ? undefined : { [key]: value })

const tlsWith = (before: ServerOptions, change: Partial<ServerTls>): Partial<ServerOptions> => ({
  tls: { ...before.tls, ...change },
})

/** The name that a server is asked for. */
function named(before: ServerOptions, name = ''): Partial<ServerOptions> | undefined {
  return patterns.host.test(name) && !name.startsWith('*') ? tlsWith(before, { name }) : undefined
}

const agentWith = (
  before: ServerOptions,
  change: Partial<ServerAgent>,
): Partial<ServerOptions> => ({ agent: { ...before.agent, ...change } })

const agentNumber = (
  before: ServerOptions,
  key: 'port' | 'every',
  value: number | undefined,
): Partial<ServerOptions> | undefined =>
  value === undefined ? undefined : agentWith(before, { [key]: value })

/** In HAProxy zero is no limit. */
const limit = (value: number | undefined): Partial<ServerOptions> | undefined =>
  value === undefined ? undefined : { maxConnections: value === 0 ? undefined : value }

const elsewhere = 'every server is asked where it takes traffic'
const encrypted = 'checks speak TLS as traffic does'

/** Without these the server would not understand what it is sent: it is left out. */
const decisive: Readonly<Record<string, { readonly takes: number; readonly reason: string }>> = {
  crt: { takes: 1, reason: 'no certificate of our own is shown to servers' },
  'send-proxy-v2-ssl': { takes: 0, reason: 'PROXY headers say nothing of TLS here' },
  'send-proxy-v2-ssl-cn': { takes: 0, reason: 'PROXY headers say nothing of TLS here' },
  socks4: { takes: 1, reason: 'SOCKS is not spoken' },
}

interface Ignored {
  readonly takes: number
  readonly reason: string
  readonly loss?: Loss
  readonly change?: Partial<ServerOptions>
}

const sticky = 'clients go on with their server by a cookie: `sticky` of a service'
const byTraffic = 'not needed: what traffic meets is always looked at'
const tlsDetail: Ignored = { takes: 1, reason: 'it is for TLS', loss: 'nothing' }
const ownDetail: Ignored = {
  takes: 1,
  reason: 'not needed: it tunes the HAProxy process itself',
  loss: 'nothing',
}

const ignored: Readonly<Record<string, Ignored>> = {
  cookie: {
    takes: 1,
    reason: 'not needed: cookies are made from the names of servers',
    loss: 'nothing',
  },
  'non-stick': { takes: 0, reason: sticky, loss: 'nothing' },
  downinter: { takes: 1, reason: 'a server that is down is asked as often as any other' },
  minconn: { takes: 1, reason: 'a limit does not change with the load' },
  maxqueue: { takes: 1, reason: '`hold` bounds how many requests wait' },
  observe: { takes: 1, reason: byTraffic, loss: 'nothing' },
  'error-limit': { takes: 1, reason: byTraffic, loss: 'nothing' },
  'on-error': { takes: 1, reason: byTraffic, loss: 'nothing' },
  'on-marked-down': { takes: 1, reason: 'connections to a server that is down are left to end' },
  'on-marked-up': { takes: 1, reason: 'connections to backups are left to end' },
  addr: { takes: 1, reason: elsewhere, change: { check: 'elsewhere' } },
  'no-check-ssl': { takes: 0, reason: encrypted, loss: 'nothing' },
  'check-sni': { takes: 1, reason: encrypted },
  'check-alpn': { takes: 1, reason: encrypted },
  'check-proto': { takes: 1, reason: 'checks speak HTTP/1.1' },
  'check-send-proxy': {
    takes: 0,
    reason: 'not needed: checks begin as traffic does',
    loss: 'nothing',
  },
  'check-via-socks4': { takes: 0, reason: 'SOCKS is not spoken' },
  'init-addr': { takes: 1, reason: 'names are resolved as the system does', loss: 'nothing' },
  resolvers: { takes: 1, reason: 'names are resolved as the system does', loss: 'nothing' },
  'resolve-prefer': { takes: 1, reason: 'names are resolved as the system does', loss: 'nothing' },
  'resolve-opts': { takes: 1, reason: 'names are resolved as the system does', loss: 'nothing' },
  'resolve-net': { takes: 1, reason: 'names are resolved as the system does', loss: 'nothing' },
  track: { takes: 1, reason: 'every server is asked for itself' },
  redir: { takes: 1, reason: 'add it by hand: `redirect` of a route' },
  source: { takes: 1, reason: 'connections come from the address that the system chooses' },
  usesrc: { takes: 1, reason: 'connections come from the address that the system chooses' },
  interface: { takes: 1, reason: 'connections come from the address that the system chooses' },
  namespace: { takes: 1, reason: 'connections come from the namespace of Always On' },
  alpn: tlsDetail,
  npn: tlsDetail,
  'crl-file': tlsDetail,
  ciphers: tlsDetail,
  ciphersuites: tlsDetail,
  'ssl-max-ver': tlsDetail,
  'ssl-min-ver': tlsDetail,
  'no-verify': { ...tlsDetail, takes: 0 },
  'no-ssl-reuse': { ...tlsDetail, takes: 0 },
  'no-sslv3': { ...tlsDetail, takes: 0 },
  'no-tls-tickets': { ...tlsDetail, takes: 0 },
  'no-tlsv10': { ...tlsDetail, takes: 0 },
  'no-tlsv11': { ...tlsDetail, takes: 0 },
  'no-tlsv12': { ...tlsDetail, takes: 0 },
  'no-tlsv13': { ...tlsDetail, takes: 0 },
  'force-tlsv12': { ...tlsDetail, takes: 0 },
  'force-tlsv13': { ...tlsDetail, takes: 0 },
  id: ownDetail,
  guid: ownDetail,
  shard: ownDetail,
  'pool-low-conn': ownDetail,
  'pool-max-conn': ownDetail,
  'pool-purge-delay': ownDetail,
  'max-reuse': ownDetail,
  'tcp-ut': ownDetail,
  'log-proto': ownDetail,
  ws: ownDetail,
  tfo: { ...ownDetail, takes: 0 },
  'no-tfo': { ...ownDetail, takes: 0 },
  stick: { ...ownDetail, takes: 0 },
}

interface ReadOptions {
  readonly options: ServerOptions
  /** Why the server cannot be carried over at all. */
  readonly obstacle: string | undefined
}

/** The parameters from the word at `first` on, upon what held before. */
export function readServerOptions(
  line: Line,
  first: number,
  before: ServerOptions,
  ledger: Ledger,
): ReadOptions {
  let options = before
  let obstacle: string | undefined
  for (let at = first; at < line.words.length; at += 1) {
    const word = line.words[at] ?? ''
    const drop = (reason: string, takes: number, loss?: Loss): void => {
      ledger.drop(line, reason, {
        piece: line.words.slice(at, at + takes + 1).join(' '),
        ...(loss === undefined ? {} : { loss }),
      })
      at += takes
    }
    const known = Object.hasOwn(carried, word) ? carried[word] : undefined
    const stops = Object.hasOwn(decisive, word) ? decisive[word] : undefined
    const left = Object.hasOwn(ignored, word) ? ignored[word] : undefined
    if (known !== undefined) {
      const change = known.read(options, known.takes === 1 ? line.words[at + 1] : undefined)
      if (change === undefined) drop('its value is beyond what Always On takes', known.takes)
      else {
        options = { ...options, ...change }
        at += known.takes
      }
    } else if (stops !== undefined) {
      obstacle ??= stops.reason
      at += stops.takes
    } else if (left !== undefined) {
      options = { ...options, ...left.change }
      drop(left.reason, left.takes, left.loss)
    } else {
      drop('Always On knows no such parameter of a server', 0)
    }
  }
  return { options, obstacle }
}

/** A `server` line; `undefined` if it cannot be carried over, which is reported. */
export function readServer(line: Line, before: ServerOptions, ledger: Ledger): Server | undefined {
  const [, name = '', address = ''] = line.words
  const endpoint = readEndpoint(address)
  const { options, obstacle } = readServerOptions(line, 3, before, ledger)
  const refuse = (reason: string): undefined => ledger.drop(line, reason)
  if (obstacle !== undefined) return refuse(obstacle)
  if (endpoint === undefined) return refuse('servers are reached by an address, not by a socket')
  const { host, port } = endpoint
  if (!isHost(host)) return refuse(`\`${host}\` is neither a name nor an address`)
  if (port !== undefined && !isPort(port)) {
    return refuse(`\`${port}\` is no port; relative ports are unknown here`)
  }
  return { line, name, host, port, options }
}
