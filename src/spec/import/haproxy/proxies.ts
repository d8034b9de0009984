// What does each `frontend`, `backend` and `listen` say, with what it takes over from `defaults`?

import { readBinds } from './binds.ts'
import { readAcl, readCondition } from './conditions.ts'
import { isFieldRule, readFieldRule } from './fields.ts'
import type { Ledger } from './ledger.ts'
import { type Limits, noLimits, readLimits } from './limits.ts'
import type {
  Acl,
  BindAddress,
  FieldRule,
  Line,
  ProxySection,
  ReplyRule,
  Rule,
  Section,
  Server,
  Settings,
} from './model.ts'
import { reasonFor, sectionReasons } from './reasons.ts'
import { isReply, readReply } from './replies.ts'
import { readServer } from './servers.ts'
import { plainSettings, readSetting } from './settings.ts'
import type { FileTree } from './tree.ts'
import { readCount } from './values.ts'
import { readStatsSocket } from './watching.ts'

/** The proxies, and the few things that `global` says for all of them. */
export interface Configuration {
  readonly proxies: readonly ProxySection[]
  readonly edges: number | undefined
  readonly maxConnections: Settings['maxConnections']
  readonly statsSocket: FileTree['stats_socket']
  /** The folder that `ca-file` counts from. */
  readonly caBase: string | undefined
}

/** Reads the sections in their order, since `defaults` hold for what comes after them. */
export function readConfiguration(sections: readonly Section[], ledger: Ledger): Configuration {
  const proxies: ProxySection[] = []
  const named = new Map<string, Settings>()
  let latest = plainSettings
  let overall: Overall = {
    edges: undefined,
    maxConnections: undefined,
    crtBase: undefined,
    caBase: undefined,
    statsSocket: undefined,
  }
  // Before anything else: the table of a frontend may stand in a backend that comes first.
  const idioms = new Map(
    sections.flatMap((section) =>
      section.kind === 'frontend' || section.kind === 'listen'
        ? [[section, readLimits(section, sections, ledger)] as const]
        : [],
    ),
  )
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
        for (const half of halvesOf(section)) {
          const idiom = idioms.get(section) ?? noLimits
          proxies.push(
            readProxy(section, half, { idiom, inherited, crtBase: overall.crtBase }, ledger),
          )
        }
        break
      default:
        dropSection(section, ledger)
    }
  }
  const { crtBase: _, ...all } = overall
  return { proxies, ...all }
}

function fromName({ line }: Section): string | undefined {
  const at = line.words.indexOf('from')
  return at < 0 ? undefined : line.words[at + 1]
}

interface Overall extends Omit<Configuration, 'proxies'> {
  /** The folder that `crt` counts from. */
  readonly crtBase: string | undefined
}

/** A section, or of one with TLS on some of its addresses alone, a half of it. */
interface Half {
  readonly kind: ProxySection['kind']
  readonly isEncrypted: boolean
  readonly isHalf: boolean
}

const bindsTls = (line: Line): boolean => line.words[0] === 'bind' && line.words.includes('ssl')

function halvesOf({ kind, line, lines }: Section): readonly Half[] {
  const own = kind === 'listen' || kind === 'frontend' ? kind : 'backend'
  const binds = lines.filter(({ words }) => words[0] === 'bind')
  const encrypted = binds.filter(bindsTls).length
  const isOld = line.words.length > 2 && line.words[2] !== 'from'
  const isHalf = encrypted > 0 && (encrypted < binds.length || isOld)
  if (!isHalf) return [{ kind: own, isEncrypted: encrypted > 0, isHalf }]
  return [
    { kind: own, isEncrypted: false, isHalf },
    { kind: 'frontend', isEncrypted: true, isHalf },
  ]
}

function dropLine(line: Line, ledger: Ledger): void {
  // The table of a frontend's limits may stand in a backend.
  if (line.words[0] === 'stick-table' && ledger.has(line)) return
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
    const socket = overall.statsSocket === undefined ? readStatsSocket(line, ledger) : undefined
    if (socket !== undefined) {
      overall = { ...overall, statsSocket: socket }
      continue
    }
    const threads = keyword === 'nbthread' ? readCount(word, 1, 256) : undefined
    const connections = keyword === 'maxconn' ? readCount(word, 1, 10_000_000) : undefined
    if (threads !== undefined) overall = { ...overall, edges: threads }
    if (keyword === 'ca-base') overall = { ...overall, caBase: word }
    if (keyword === 'crt-base') overall = { ...overall, crtBase: word }
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
  readonly replies: readonly ReplyRule[]
  readonly fields: readonly FieldRule[]
  /** Why rules after this one cannot be read as if they stood alone. */
  readonly turn: string | undefined
  readonly isDisabled: boolean
  readonly isStatistics: boolean
}

/** What a proxy needs to know beside its own section. */
interface Around {
  readonly idiom: Limits
  readonly inherited: Settings
  readonly crtBase: string | undefined
}

function readProxy(
  section: Section,
  half: Half,
  { idiom, inherited, crtBase }: Around,
  ledger: Ledger,
): ProxySection {
  const { kind, isEncrypted, isHalf } = half
  let draft: Draft = {
    settings: inherited,
    // Before version 1.5 the address stood beside the name.
    binds: kind === 'backend' || isEncrypted ? [] : readBinds(section.line, 2, ledger),
    servers: [],
    rules: [],
    acls: [],
    replies: [],
    fields: [],
    turn: undefined,
    isDisabled: false,
    isStatistics: false,
  }
  ledger.carry(section.line)
  for (const line of section.lines) {
    if (idiom.lines.has(line)) continue
    const change =
      kind === 'backend' || !isAnswer(line)
        ? readProxyLine(line, draft, half, crtBase, ledger)
        : readAnswerLine(line, draft, isEncrypted, ledger)
    draft = { ...draft, ...change }
  }
  const { settings, turn: _, ...drafted } = draft
  const rest = { ...drafted, limits: idiom.limits }
  const { name, line, lines } = section
  if (!isHalf || !isEncrypted) return { kind, name, line, lines, isHalf, ...settings, ...rest }
  // The other half has the servers of a `listen`.
  const defaultBackend =
    settings.defaultBackend ?? (section.kind === 'listen' ? { value: name, line } : undefined)
  return { kind, name, line, lines, isHalf, ...settings, ...rest, servers: [], defaultBackend }
}

const isAnswer = (line: Line): boolean => isReply(line) || isFieldRule(line) || isTurn(line)

/** Rules that change what those after them look at, or whether they are asked at all. */
const isTurn = ({ words: [first, second = ''] }: Line): boolean =>
  first === 'http-request' && /^(allow|(set|replace)-(path|pathq|uri))$/.test(second)

function readAnswerLine(
  line: Line,
  draft: Draft,
  isEncrypted: boolean,
  ledger: Ledger,
): Partial<Draft> {
  if (isTurn(line)) {
    dropLine(line, ledger)
    return { turn: `\`${line.words.slice(0, 2).join(' ')}\` before it changes what it means` }
  }
  if (isFieldRule(line)) {
    const field = readFieldRule(line, draft.acls, isEncrypted, ledger)
    return field === undefined ? {} : { fields: [...draft.fields, field] }
  }
  const read = readReply(line, draft.acls, isEncrypted, ledger)
  const { turn } = draft
  const isMisled = turn !== undefined && read.condition.kind !== 'beyond'
  const reply: ReplyRule = isMisled
    ? { ...read, condition: { kind: 'beyond', reason: turn } }
    : read
  return { replies: [...draft.replies, reply] }
}

function readProxyLine(
  line: Line,
  draft: Draft,
  { isEncrypted, isHalf }: Half,
  crtBase: string | undefined,
  ledger: Ledger,
): Partial<Draft> {
  const change = readSetting(line, draft.settings, ledger)
  if (change !== undefined) return { settings: { ...draft.settings, ...change } }
  const [keyword, name = ''] = line.words
  switch (keyword) {
    case 'bind':
      if (isHalf && bindsTls(line) !== isEncrypted) return {}
      return { binds: [...draft.binds, ...readBinds(line, 1, ledger, crtBase)] }
    case 'server': {
      const server = readServer(line, draft.settings.server, ledger)
      return server === undefined ? {} : { servers: [...draft.servers, server] }
    }
    case 'acl':
      return { acls: [...draft.acls, readAcl(line, isEncrypted)] }
    case 'use_backend': {
      const condition = readCondition(line.words.slice(2), draft.acls, isEncrypted)
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
