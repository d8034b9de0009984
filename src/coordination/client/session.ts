// What does a session do next? A machine of states: news and the time go in, effects come out. It
// knows neither socket nor timer nor request; the caller brings the news and carries out the
// effects.

import { type BackoffPolicy, backoff } from '../../control/backoff.ts'
import { unreachable } from '../../foundation/invariant.ts'
import { type Instant, later, type Milliseconds, ms } from '../../foundation/time.ts'
import { protocolVersion } from '../../wire/jute/opcodes.ts'
import type { ConnectRequest, ConnectResponse } from '../../wire/jute/records.ts'
import type { Host, SessionEnd } from './model.ts'

/** What the caller wishes of its session. */
export interface SessionPolicy {
  /** The time-out to ask for; the server has the last word. */
  readonly timeout: Milliseconds
  /** How long a silent server is believed in; two thirds of the session unless said otherwise. */
  readonly readTimeout: Milliseconds | undefined
  /** Whether a server that is cut off from its quorum will do, until another is found. */
  readonly readOnly: boolean
  /** How long to rest after every server has failed, by the number of times they all did. */
  readonly backoff: BackoffPolicy
  /** How long nobody may be reached until the session counts as over; see `expiresAt`. */
  readonly patience: Milliseconds | undefined
}

/** Where the session is. */
export type Phase =
  /** Every server failed: the next try is at `until`. */
  | { readonly kind: 'resting'; readonly until: Instant }
  /** A connection is being made. */
  | { readonly kind: 'dialing'; readonly host: Host; readonly deadline: Instant }
  /** The handshake is sent. */
  | { readonly kind: 'greeting'; readonly host: Host; readonly deadline: Instant }
  | {
      readonly kind: 'connected'
      readonly host: Host
      readonly since: Instant
      /** Set while the server is read-only: when to look for one that writes. */
      readonly seek: { readonly at: Instant; readonly wait: Milliseconds } | undefined
    }
  /** The end of the session is asked for; it is over at `deadline` whatever is answered. */
  | { readonly kind: 'closing'; readonly deadline: Instant }
  | { readonly kind: 'over'; readonly why: SessionEnd }

/** A session. Plain data: `step` makes the next one. */
export interface Session {
  readonly policy: SessionPolicy
  /** In the order in which they are tried, round and round. */
  readonly hosts: readonly Host[]
  /** The index of the one to try next. */
  readonly next: number
  /** Tries in a row that did not lead to a session. */
  readonly failures: number
  /** Zero until a server that writes has given one. */
  readonly id: bigint
  readonly password: Uint8Array
  /** What was negotiated; until then what is asked for. */
  readonly timeout: Milliseconds
  /** When a server last spoke in this session; undefined while there is none. */
  readonly lastContact: Instant | undefined
  readonly phase: Phase
}

/** What may happen to a session. */
export type SessionEvent =
  | { readonly kind: 'start' }
  /** The connection stands. `lastZxid`: the last transaction that this session has seen. */
  | { readonly kind: 'dialed'; readonly lastZxid: bigint }
  | { readonly kind: 'greeted'; readonly response: ConnectResponse }
  /** The connection is gone, or could not be made. `heard`: when the server last spoke on it. */
  | { readonly kind: 'lost'; readonly heard: Instant; readonly chance: number }
  /** Time has passed. `heard` and `sent`: when the connection last took and gave bytes. */
  | {
      readonly kind: 'tick'
      readonly heard: Instant
      readonly sent: Instant
      readonly chance: number
    }
  /** A server said that this session has ended. */
  | { readonly kind: 'ended'; readonly why: SessionEnd }
  | { readonly kind: 'close' }
  /** While on a read-only server: this one takes writes. */
  | { readonly kind: 'found-writable'; readonly host: Host }
  /** The list of servers has changed; `hosts` is in the order to try them. */
  | {
      readonly kind: 'rehost'
      readonly hosts: readonly Host[]
      readonly heard: Instant
      readonly chance: number
    }

/** Why a connection is given up. */
export type HangUp = 'silent' | 'unanswered' | 'moving' | 'over'

/** What the caller has to do, in this order. */
export type SessionEffect =
  | { readonly kind: 'dial'; readonly host: Host }
  | { readonly kind: 'greet'; readonly request: ConnectRequest }
  /** Credentials first, then watches, then what waits to be asked. */
  | { readonly kind: 'establish' }
  | { readonly kind: 'ping' }
  /** Drop the connection: what was sent on it and not answered is lost. */
  | { readonly kind: 'hang-up'; readonly why: HangUp }
  /** Ask this server whether it takes writes. */
  | { readonly kind: 'probe'; readonly host: Host }
  | { readonly kind: 'send-close' }
  | { readonly kind: 'finish'; readonly why: SessionEnd }

export type Step = readonly [Session, ...SessionEffect[]]

/** The longest a connection is left without a word from us, whatever was negotiated. */
const pingWaitMost = ms(10_000)
/** A connection lost sooner counts as a try that failed, or a server that hangs up is hammered. */
const settledAfter = ms(1000)
/** What a server is given to take us in, where the time-out allows. */
const connectWaitLeast = ms(1000)
/** The longest that a server's word on the end of a session is waited for. */
const closeWaitMost = ms(10_000)
/** How soon a better server is looked for, and how seldom at last (ClientCnxn.java). */
const seekWait = { least: ms(100), most: ms(60_000) } as const

/** A session that has not begun. `hosts` is in the order to try them. */
export const newSession = (policy: SessionPolicy, hosts: readonly Host[]): Session => ({
  policy,
  hosts,
  next: 0,
  failures: 0,
  id: 0n,
  password: new Uint8Array(16),
  timeout: policy.timeout,
  lastContact: undefined,
  phase: { kind: 'resting', until: 0 as Instant },
})

/** How long a server may be silent before another is tried: time enough for a second before T. */
export const readTimeout = (session: Session): Milliseconds => {
  const usual = (session.timeout * 2) / 3
  return ms(Math.min(session.policy.readTimeout ?? usual, usual))
}

/** How long we may be silent: half of what we allow the server, so that one lost ping is borne. */
export const pingWait = (session: Session): Milliseconds =>
  ms(Math.min(readTimeout(session) / 2, pingWaitMost))

/**
 * How long one server may take to take us in: all of them are tried within one time-out, and one
 * that is alone is tried several times, because what was sent while it was cut off is lost. Before
 * there is a session nothing can be lost, and the time-out is only what we ask for: a server is
 * given time to answer, however little that is.
 */
const connectTimeout = ({ id, timeout, hosts }: Session): Milliseconds => {
  const long = Math.max(timeout / 4, connectWaitLeast)
  const share = Math.min(timeout / Math.max(1, hosts.length), long)
  return ms(id === 0n ? Math.max(share, connectWaitLeast) : share)
}

/**
 * When the session has surely ended although nobody could say so: a third beyond its time-out
 * without a word. The third keeps a client from giving up what the server still holds for it. Or
 * later, with patience: an ensemble without a leader ends nobody's session.
 */
export const expiresAt = (session: Session): Instant | undefined =>
  session.lastContact === undefined || session.id === 0n
    ? undefined
    : later(
        session.lastContact,
        ms(Math.max((session.timeout * 4) / 3, session.policy.patience ?? 0)),
      )

/** When `tick` is due; undefined: never again. */
export function wakeAt(session: Session, heard: Instant, sent: Instant): Instant | undefined {
  const { phase } = session
  switch (phase.kind) {
    case 'resting':
      return earliest(phase.until, expiresAt(session))
    case 'dialing':
    case 'greeting':
      return earliest(phase.deadline, expiresAt(session))
    case 'connected': {
      const silent = later(heard, readTimeout(session))
      return earliest(silent, later(sent, pingWait(session)), phase.seek?.at)
    }
    case 'closing':
      return phase.deadline
    case 'over':
      return undefined
    default:
      return unreachable(phase)
  }
}

const earliest = (first: Instant, ...more: readonly (Instant | undefined)[]): Instant =>
  more.reduce<Instant>((least, at) => (at !== undefined && at < least ? at : least), first)

/** One step of a session's life. Pure: the same session, event and time give the same step. */
export function step(session: Session, event: SessionEvent, now: Instant): Step {
  if (session.phase.kind === 'over') return [session]
  switch (event.kind) {
    case 'start':
      return session.phase.kind === 'resting' ? dial(session, now) : [session]
    case 'dialed':
      return greet(session, event.lastZxid)
    case 'greeted':
      return greeted(session, event.response, now)
    case 'lost':
      return lost(heardAt(session, event.heard), event.chance, now)
    case 'tick':
      return tick(session, event, now)
    case 'ended':
      return finish(session, event.why)
    case 'close':
      return close(session, now)
    case 'found-writable':
      return session.phase.kind === 'connected' && session.phase.seek !== undefined
        ? move(aimedAt(session, event.host), now)
        : [session]
    case 'rehost':
      return rehost(session, event, now)
    default:
      return unreachable(event)
  }
}

const finish = (session: Session, why: SessionEnd): Step => [
  { ...session, phase: { kind: 'over', why } },
  { kind: 'hang-up', why: 'over' },
  { kind: 'finish', why },
]

/** The session after the server's last word on a connection; only a live one keeps it alive. */
const heardAt = (session: Session, heard: Instant): Session =>
  session.phase.kind === 'connected' ? { ...session, lastContact: heard } : session

function dial(session: Session, now: Instant): Step {
  const host = session.hosts[session.next % session.hosts.length]
  if (host === undefined) return [session]
  const deadline = later(now, connectTimeout(session))
  const next = (session.next + 1) % session.hosts.length
  return [
    { ...session, next, phase: { kind: 'dialing', host, deadline } },
    { kind: 'dial', host },
  ]
}

function greet(session: Session, lastZxid: bigint): Step {
  if (session.phase.kind !== 'dialing') return [session]
  const request: ConnectRequest = {
    protocolVersion,
    lastZxidSeen: lastZxid,
    timeout: session.policy.timeout,
    sessionId: session.id,
    password: session.password,
    readOnly: session.policy.readOnly,
  }
  return [
    { ...session, phase: { ...session.phase, kind: 'greeting' } },
    { kind: 'greet', request },
  ]
}

function greeted(session: Session, response: ConnectResponse, now: Instant): Step {
  if (session.phase.kind !== 'greeting') return [session]
  if (response.timeout <= 0) return finish(session, 'expired')
  const { readOnly } = response
  const { host } = session.phase
  // A read-only server's session is its own: no other server knows it, so it is not kept.
  const identity = readOnly
    ? {}
    : { id: response.sessionId, password: Uint8Array.from(response.password ?? []) }
  const seek = readOnly ? { at: later(now, seekWait.least), wait: seekWait.least } : undefined
  return [
    {
      ...session,
      ...identity,
      timeout: ms(response.timeout),
      lastContact: now,
      phase: { kind: 'connected', host, since: now, seek },
    },
    { kind: 'establish' },
  ]
}

/** After a connection is lost: over, or the next server, at once or after a rest. */
function lost(session: Session, chance: number, now: Instant): Step {
  if (session.phase.kind === 'closing') return finish(session, 'closed')
  const expires = expiresAt(session)
  if (expires !== undefined && now >= expires) return finish(session, 'expired')
  // A connection that stood for a while is no failure: the others are tried before any rest.
  const { phase } = session
  const stood = phase.kind === 'connected' && now >= later(phase.since, settledAfter)
  const failures = stood ? 0 : session.failures + 1
  const after = { ...session, failures }
  const rounds = failures / session.hosts.length
  if (failures === 0 || !Number.isInteger(rounds)) return dial(after, now)
  const until = later(now, backoff(session.policy.backoff, rounds, chance))
  return [{ ...after, phase: { kind: 'resting', until } }]
}

type Tick = Extract<SessionEvent, { kind: 'tick' }>

function tick(session: Session, { heard, sent, chance }: Tick, now: Instant): Step {
  const { phase } = session
  const expires = expiresAt(session)
  switch (phase.kind) {
    case 'resting':
      if (expires !== undefined && now >= expires) return finish(session, 'expired')
      return now >= phase.until ? dial(session, now) : [session]
    case 'dialing':
    case 'greeting':
      if (expires !== undefined && now >= expires) return finish(session, 'expired')
      return now >= phase.deadline ? hangUp(session, 'unanswered', chance, now) : [session]
    case 'connected': {
      const alive = heardAt(session, heard)
      if (now >= later(heard, readTimeout(session))) return hangUp(alive, 'silent', chance, now)
      const pings = now >= later(sent, pingWait(session)) ? [{ kind: 'ping' } as const] : []
      if (phase.seek === undefined || now < phase.seek.at) return [alive, ...pings]
      const [seeking, ...probes] = seek(alive, now)
      return [seeking, ...pings, ...probes]
    }
    case 'closing':
      return now >= phase.deadline ? finish(session, 'closed') : [session]
    case 'over':
      return [session]
    default:
      return unreachable(phase)
  }
}

function hangUp(session: Session, why: HangUp, chance: number, now: Instant): Step {
  const [after, ...effects] = lost(session, chance, now)
  return [after, { kind: 'hang-up', why }, ...effects]
}

/** Leaves a server that would do for one that is better. */
function move(session: Session, now: Instant): Step {
  const [after, ...effects] = dial(session, now)
  return [after, { kind: 'hang-up', why: 'moving' }, ...effects]
}

/** The session with `host` as the next to be tried. */
const aimedAt = (session: Session, host: Host): Session => ({
  ...session,
  next: Math.max(0, session.hosts.findIndex(sameHost(host))),
})

const sameHost =
  (one: Host) =>
  (other: Host): boolean =>
    one.host === other.host && one.port === other.port

/** Looks at the next server while connected to one that cannot write, ever less often. */
function seek(session: Session, now: Instant): Step {
  const { phase } = session
  if (phase.kind !== 'connected' || phase.seek === undefined) return [session]
  const host = session.hosts[session.next % session.hosts.length]
  if (host === undefined) return [session]
  const wait = ms(Math.min(phase.seek.wait * 2, seekWait.most))
  const next = (session.next + 1) % session.hosts.length
  return [
    { ...session, next, phase: { ...phase, seek: { at: later(now, wait), wait } } },
    { kind: 'probe', host },
  ]
}

function close(session: Session, now: Instant): Step {
  if (session.phase.kind === 'closing') return [session]
  // Without a connection nobody can be told: the server lets the session expire.
  if (session.phase.kind !== 'connected') return finish(session, 'closed')
  const deadline = later(now, ms(Math.min(readTimeout(session), closeWaitMost)))
  return [{ ...session, phase: { kind: 'closing', deadline } }, { kind: 'send-close' }]
}

type Rehost = Extract<SessionEvent, { kind: 'rehost' }>

/**
 * Takes another list of servers. Who is on a server that is no longer named moves at once; when
 * servers were added, so many move to them by chance that all have as many clients as the others.
 */
function rehost(session: Session, { hosts, heard, chance }: Rehost, now: Instant): Step {
  const { phase } = session
  const added = hosts.filter((host) => !session.hosts.some(sameHost(host)))
  const fresh = { ...heardAt(session, heard), hosts, next: 0, failures: 0 }
  if (phase.kind !== 'connected') return [fresh]
  if (!hosts.some(sameHost(phase.host))) return move(fresh, now)
  const share = hosts.length > session.hosts.length ? added.length / hosts.length : 0
  const [first] = added
  return first !== undefined && chance < share ? move(aimedAt(fresh, first), now) : [fresh]
}
