// What does each `frontend`, `backend` and `listen` say, with what it takes over from `defaults`?

import { readAcl, readCondition } from './conditions.ts'
import type { Ledger } from './ledger.ts'
import type {
  Acl,
  BindAddress,
  Line,
  ProxySection,
  Rule,
  Section,
  Server,
  Settings,
} from './model.ts'
import { reasonFor, sectionReasons } from './reasons.ts'
import { readServer } from './servers.ts'
import { plainSettings, readSetting } from './settings.ts'
import { endpointText, readCount, readEndpoint, readPorts } from './values.ts'

/** The proxies, and the few things that `global` says for all of them. */
export interface Configuration {
  readonly proxies: readonly ProxySection[]
  readonly edges: number | undefined
  readonly maxConnections: Settings['maxConnections']
}

/** Reads the sections in their order, since `defaults` hold for what comes after them. */
export function readConfiguration(sections: readonly Section[], ledger: Ledger): Configuration {
  const proxies: ProxySection[] = []
  const named = new Map<string, Settings>()
  let latest = plainSettings
  let overall: Overall = { edges: undefined, maxConnections: undefined }
  for (const section of sections) {
    const from = fromName(section)
    const inherited = from === undefined ? latest : (named.get(from) ?? latest)
    switch (section.kind) {
      case 'global':
        overall = readGlobal(section, overall, ledger)
        break
      case 'defaults':
        ledger.carry(section.line)
        latest = readDefaults(section, from === undefined ? plainSettings : inherited, ledger)
        if (section.name !== '') named.set(section.name, latest)
        break
      case 'frontend':
      case 'backend':
      case 'listen':
        proxies.push(readProxy(section, section.kind, inherited, ledger))
        break
      default:
        dropSection(section, ledger)
    }
  }
  return { proxies, ...overall }
}

function fromName({ line }: Section): string | undefined {
  const at = line.words.indexOf('from')
  return at < 0 ? undefined : line.words[at + 1]
}

type Overall = Pick<Configuration, 'edges' | 'maxConnections'>

function dropLine(line: Line, ledger: Ledger): void {
  const { reason, loss } = reasonFor(line.words)
  ledger.drop(line, reason, { loss })
}

function dropSection(section: Section, ledger: Ledger): void {
  const why = sectionReasons[section.kind] ?? reasonFor([section.kind])
  for (const line of [section.line, ...section.lines]) {
    ledger.drop(line, why.reason, { loss: why.loss })
  }
}

function readGlobal(section: Section, before: Overall, ledger: Ledger): Overall {
  let overall = before
  ledger.carry(section.line)
  for (const line of section.lines) {
    const [keyword, word] = line.words
    const threads = keyword === 'nbthread' ? readCount(word, 1, 256) : undefined
    const connections = keyword === 'maxconn' ? readCount(word, 1, 10_000_000) : undefined
    if (threads !== undefined) overall = { ...overall, edges: threads }
    if (connections !== undefined) {
      overall = { ...overall, maxConnections: { value: connections, line } }
    }
    if (threads === undefined && connections === undefined) dropLine(line, ledger)
    else if (threads !== undefined) ledger.carry(line, 'as many edges')
    else ledger.carry(line, 'the limit of each frontend that has none of its own')
  }
  return overall
}

function readDefaults(section: Section, before: Settings, ledger: Ledger): Settings {
  let settings = before
  for (const line of section.lines) {
    const change = readSetting(line, settings, ledger)
    if (change === undefined) dropLine(line, ledger)
    else settings = { ...settings, ...change }
  }
  return settings
}

interface Draft {
  readonly settings: Settings
  readonly binds: readonly BindAddress[]
  readonly servers: readonly Server[]
  readonly rules: readonly Rule[]
  readonly acls: readonly Acl[]
  readonly isDisabled: boolean
  readonly isStatistics: boolean
}

function readProxy(
  section: Section,
  kind: ProxySection['kind'],
  inherited: Settings,
  ledger: Ledger,
): ProxySection {
  let draft: Draft = {
    settings: inherited,
    // Before version 1.5 the address stood beside the name.
    binds: kind === 'backend' ? [] : readBinds(section.line, 2, ledger),
    servers: [],
    rules: [],
    acls: [],
    isDisabled: false,
    isStatistics: false,
  }
  ledger.carry(section.line)
  for (const line of section.lines) draft = { ...draft, ...readProxyLine(line, draft, ledger) }
  const { settings, ...rest } = draft
  const { name, line, lines } = section
  return { kind, name, line, lines, ...settings, ...rest }
}

function readProxyLine(line: Line, draft: Draft, ledger: Ledger): Partial<Draft> {
  const change = readSetting(line, draft.settings, ledger)
  if (change !== undefined) return { settings: { ...draft.settings, ...change } }
  const [keyword, name = ''] = line.words
  switch (keyword) {
    case 'bind':
      return { binds: [...draft.binds, ...readBinds(line, 1, ledger)] }
    case 'server': {
      const server = readServer(line, draft.settings.server, ledger)
      return server === undefined ? {} : { servers: [...draft.servers, server] }
    }
    case 'acl':
      return { acls: [...draft.acls, readAcl(line)] }
    case 'use_backend': {
      const condition = readCondition(line.words.slice(2), draft.acls)
      return { rules: [...draft.rules, { line, backend: name, condition }] }
    }
    case 'disabled':
      ledger.carry(line, 'the section is left out')
      return { isDisabled: true }
    case 'stats':
      dropLine(line, ledger)
      return { isStatistics: true }
    default:
      dropLine(line, ledger)
      return {}
  }
}

/** The addresses of a `bind` line, from the word at `first` on. */
function readBinds(line: Line, first: number, ledger: Ledger): readonly BindAddress[] {
  const [addresses, ...options] = line.words.slice(first)
  if (addresses === undefined || addresses === 'from') return []
  const refuse = (reason: string): readonly BindAddress[] => {
    ledger.drop(line, reason)
    return []
  }
  if (options.includes('ssl'))
    return refuse('add it by hand: certificates stand under `tls` of a frontend')
  const acceptsProxy = options.includes('accept-proxy')
  const binds = addresses
    .split(/,(?![^$]*\})/)
    .flatMap((address) => readBind(line, address, acceptsProxy, ledger))
  if (binds.length > 0) ledger.carry(line)
  dropBindOptions(
    line,
    options.filter((option) => option !== 'accept-proxy'),
    ledger,
  )
  return binds
}

function readBind(
  line: Line,
  address: string,
  acceptsProxy: boolean,
  ledger: Ledger,
): readonly BindAddress[] {
  const drop = (reason: string): readonly BindAddress[] => {
    ledger.drop(line, reason, { piece: address })
    return []
  }
  const endpoint = readEndpoint(address)
  if (endpoint === undefined) return drop('only addresses with a port can be listened on')
  const ports = readPorts(endpoint.port ?? '')
  if (ports === undefined) return drop('it names no port, or too many')
  const host = hostToListenOn(endpoint.host, address)
  if (host === undefined) return drop('name an address of this machine as numbers, not a name')
  return ports.map((port) => ({ line, text: endpointText(host, port), acceptsProxy }))
}

/** The address as our file has it; `undefined` if it is a name. */
function hostToListenOn(host: string, address: string): string | undefined {
  if (host === '' || host === '*') return address.startsWith('ipv6@') ? '::' : ''
  const isAddress = /^[0-9.]+$|^[0-9a-f:.]+$/i.test(host) && /[.:]/.test(host)
  return isAddress || host === 'localhost' || host.includes('${') ? host : undefined
}

const takesValue = new Set([
  ...[
    'name',
    'maxconn',
    'backlog',
    'id',
    'nice',
    'process',
    'thread',
    'mode',
    'user',
    'uid',
    'group',
  ],
  ...['gid', 'interface', 'mss', 'level', 'namespace', 'tcp-ut', 'severity-output', 'alpn', 'npn'],
  ...['proto', 'shards', 'label', 'guid-prefix', 'crt', 'ciphers', 'ca-file', 'verify'],
])
const decided: Readonly<Record<string, string>> = {
  transparent: 'foreign addresses are not listened on',
  interface: 'an interface is not chosen: name its address',
  namespace: 'Always On listens in its own namespace',
  proto: 'clients are spoken to in HTTP/1.1',
  maxconn: 'the limit is the frontend’s',
}

function dropBindOptions(line: Line, options: readonly string[], ledger: Ledger): void {
  for (let at = 0; at < options.length; at += 1) {
    const option = options[at] ?? ''
    const count = takesValue.has(option) ? 2 : 1
    const piece = options.slice(at, at + count).join(' ')
    const missed = decided[option]
    const reason = missed ?? 'not needed: it tunes the HAProxy process itself'
    ledger.drop(line, reason, { piece, loss: missed === undefined ? 'nothing' : 'something' })
    at += count - 1
  }
}
