// Carries out what a session decides: dials, greets, pings, re-registers, hands answers to those
// who asked and events to those who watch. One session's life, whatever connections it takes.

import { Fault } from '../../foundation/fault.ts'
import { invariant, unreachable } from '../../foundation/invariant.ts'
import type { Random } from '../../foundation/random.ts'
import { type Clock, type Instant, ms, since } from '../../foundation/time.ts'
import type { Reader } from '../../wire/jute/archive.ts'
import { errorCode } from '../../wire/jute/errors.ts'
import { readReply, writeRequest } from '../../wire/jute/frames.ts'
import { specialXid } from '../../wire/jute/opcodes.ts'
import { connectRequest, connectResponse, type ReplyHeader } from '../../wire/jute/records.ts'
import { Channel } from './channel.ts'
import { nameOf, ZooKeeperError } from './errors.ts'
import { formatHost } from './hosts.ts'
import type { ClientState, Host, SessionEnd } from './model.ts'
import { type Entry, Requests } from './requests.ts'
import type { HangUp, Session, SessionEffect, SessionEvent, SessionPolicy } from './session.ts'
import * as machine from './session.ts'
import { type Dial, takesWrites } from './transport.ts'
import { Watches } from './watches.ts'

/** What a session is carried by. */
export interface DriverParts {
  readonly policy: SessionPolicy
  /** In the order in which they are tried. */
  readonly hosts: readonly Host[]
  readonly chroot: string
  readonly clock: Clock
  readonly random: Random
  readonly dial: Dial
  /** The longest frame we send: a server drops the connection over a longer one. */
  readonly requestBytesMost: number
  /** The longest frame we take. */
  readonly answerBytesMost: number
}

/** What a session authenticates with, and who waits to hear whether the server took it. */
interface Credential {
  readonly scheme: string
  readonly auth: Uint8Array
  readonly settle: (error: ZooKeeperError | undefined) => void
}

/** Why a connection was given up, as a person reads it. */
const hangUps: Readonly<Record<HangUp, string>> = {
  silent: 'the server was silent for too long',
  unanswered: 'the server did not take us in in time',
  moving: 'another server is to be used',
  over: 'the session is over',
}

const ends: Readonly<Record<SessionEnd, string>> = {
  expired: 'the session has expired',
  closed: 'the session was closed',
  'auth-failed': 'a server refused the credentials',
}

type Handlers = {
  readonly [K in SessionEffect['kind']]: (effect: Extract<SessionEffect, { kind: K }>) => void
}

/** One session. It begins with `start`, and ends by `close` or when a server says so. */
export class Driver {
  readonly watches: Watches
  readonly #parts: DriverParts
  readonly #requests: Requests
  readonly #over = new AbortController()
  readonly #listeners = new Set<(state: ClientState) => void>()
  readonly #credentials: Credential[] = []
  readonly #fill = (): void => this.#writeWaiting()
  #session: Session
  #state: ClientState = { kind: 'connecting' }
  #channel: Channel | undefined
  #probe: Disposable | undefined
  #timer: { readonly at: Instant; readonly wake: Disposable } | undefined
  #lastZxid = 0n
  /** What this connection still has to answer, in order. */
  #credentialsDue: Credential[] = []
  #watchesDue = 0
  #lossCause: Error | undefined

  constructor(parts: DriverParts) {
    this.#parts = parts
    this.#session = machine.newSession(parts.policy, parts.hosts)
    this.#requests = new Requests(parts.requestBytesMost)
    this.watches = new Watches(parts.chroot)
  }

  get state(): ClientState {
    return this.#state
  }

  /** Aborted, with a ZooKeeperError as its reason, when the session is over. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  /** Why there is no connection now, or the last one was lost. */
  get lossCause(): Error | undefined {
    return this.#lossCause
  }

  start(): void {
    this.#apply({ kind: 'start' })
  }

  /** Calls `listener` with every new state until disposed. */
  onState(listener: (state: ClientState) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  /** Asks for something; what becomes of it is told to the entry. */
  ask(entry: Entry): void {
    if (this.#session.phase.kind === 'closing' || this.#session.phase.kind === 'over') {
      entry.failed(this.#endedError(entry.verb, entry.path))
      return
    }
    this.#requests.add(entry)
    if (this.#session.phase.kind === 'connected') this.#channel?.flushSoon(this.#fill)
  }

  /** Authenticates this session, now and on every connection to come. */
  authenticate(scheme: string, auth: Uint8Array, settle: Credential['settle']): void {
    if (this.#session.phase.kind === 'over') {
      settle(this.#endedError('authenticate'))
      return
    }
    const credential = { scheme, auth, settle }
    this.#credentials.push(credential)
    if (this.#session.phase.kind !== 'connected' || this.#channel === undefined) return
    this.#writeWaiting()
    this.#writeCredential(this.#channel, credential)
    this.#channel.flushSoon(this.#fill)
  }

  /** Takes another list of servers; see `rehost` in session.ts. */
  rehost(hosts: readonly Host[]): void {
    this.#apply({ kind: 'rehost', hosts, heard: this.#heard(), chance: this.#chance() })
  }

  /** Ends the session, after everything asked before was answered. */
  close(): void {
    this.#writeWaiting()
    this.#apply({ kind: 'close' })
  }

  #heard(): Instant {
    return this.#channel?.heard ?? this.#parts.clock.now()
  }

  #chance(): number {
    return this.#parts.random.next()
  }

  #apply(event: SessionEvent): void {
    const [next, ...effects] = machine.step(this.#session, event, this.#parts.clock.now())
    this.#session = next
    for (const effect of effects) {
      const perform = this.#handlers[effect.kind] as (effect: SessionEffect) => void
      perform(effect)
    }
    this.#tellState()
    this.#arm()
  }

  readonly #handlers: Handlers = {
    dial: ({ host }) => {
      const channel: Channel = new Channel(
        this.#parts.dial,
        host,
        this.#parts.clock,
        this.#parts.answerBytesMost,
        {
          opened: () => this.#apply({ kind: 'dialed', lastZxid: this.#lastZxid }),
          frame: (from) => this.#take(from),
          closed: (why) => this.#lost(why),
        },
      )
      this.#channel = channel
    },
    greet: ({ request }) => {
      const { writer } = this.#open()
      const start = writer.beginFrame()
      connectRequest.write(writer, request)
      writer.endFrame(start)
      this.#open().flush()
    },
    establish: () => this.#establish(this.#open()),
    ping: () => {
      writeRequest(this.#open().writer, specialXid.ping, 'ping', undefined)
      this.#open().flush()
    },
    'hang-up': ({ why }) => this.#drop(new Error(hangUps[why])),
    probe: ({ host }) => {
      this.#probe?.[Symbol.dispose]()
      this.#probe = takesWrites(this.#parts.dial, host, (writable) => {
        if (writable) this.#apply({ kind: 'found-writable', host })
      })
    },
    'send-close': () => {
      this.#requests.add(farewell(() => this.#apply({ kind: 'ended', why: 'closed' })))
      this.#writeWaiting()
      this.#open().flush()
    },
    finish: ({ why }) => this.#finish(why),
  }

  /** The channel, where the machine has promised that there is one. */
  #open(): Channel {
    invariant(this.#channel !== undefined, 'an effect on a connection comes while there is one')
    return this.#channel
  }

  #writeWaiting(): void {
    const channel = this.#channel
    if (channel === undefined) return
    const { kind } = this.#session.phase
    if (kind === 'connected' || kind === 'closing') this.#requests.writeTo(channel.writer)
  }

  /** A new connection: who we are, then what we watch, and only then what waits to be asked. */
  #establish(channel: Channel): void {
    for (const credential of this.#credentials) this.#writeCredential(channel, credential)
    const registrations = this.watches.requests(this.#lastZxid)
    for (const request of registrations) {
      const stays = request.persistentWatches.length + request.persistentRecursiveWatches.length
      // Servers before 3.6 know no watches that stay, and not this request.
      const name = stays > 0 ? 'setWatches2' : 'setWatches'
      writeRequest(channel.writer, specialXid.setWatches, name, request)
    }
    this.#watchesDue = registrations.length
    this.#writeWaiting()
    channel.flush()
  }

  #writeCredential(channel: Channel, credential: Credential): void {
    const { scheme, auth } = credential
    writeRequest(channel.writer, specialXid.auth, 'auth', { type: 0, scheme, auth })
    this.#credentialsDue.push(credential)
  }

  #take(from: Reader): void {
    if (this.#session.phase.kind === 'greeting') {
      this.#apply({ kind: 'greeted', response: connectResponse.read(from) })
      return
    }
    const reply = readReply(from)
    const { header } = reply
    if (header.zxid > this.#lastZxid) this.#lastZxid = header.zxid
    if (reply.kind === 'event') this.watches.fire(reply.event.type, reply.event.path)
    else if (header.xid === specialXid.auth) this.#credentialAnswered(header)
    else if (header.xid === specialXid.setWatches) this.#watchesAnswered(header)
    else if (header.xid !== specialXid.ping) this.#answered(header, from)
  }

  #answered(header: ReplyHeader, from: Reader): void {
    this.#requests.answer(header, from)
    if (header.error === 0) return
    if (header.error === errorCode('session-moved')) {
      throw new Fault('failed', 'the session has moved to another server')
    }
    if (header.error === errorCode('session-expired')) this.#apply(ended('expired'))
    if (header.error === errorCode('session-closed-require-auth')) this.#apply(ended('auth-failed'))
  }

  #credentialAnswered({ error }: ReplyHeader): void {
    const credential = this.#credentialsDue.shift()
    if (credential === undefined) {
      throw new Fault('corrupt', 'an answer to credentials came, none was due')
    }
    const refused = error === 0 ? undefined : new ZooKeeperError(nameOf(error), 'authenticate')
    credential.settle(refused)
    if (refused !== undefined) this.#apply(ended('auth-failed'))
  }

  #watchesAnswered({ error }: ReplyHeader): void {
    if (error !== 0) throw new ZooKeeperError(nameOf(error), 'register watches again')
    this.#watchesDue -= 1
    if (this.#watchesDue === 0) this.watches.gap()
  }

  #lost(why: Error | undefined): void {
    const heard = this.#heard()
    this.#drop(why ?? new Error('the server closed the connection'))
    this.#apply({ kind: 'lost', heard, chance: this.#chance() })
  }

  /** Lets go of the connection. What it owed is lost; what waits for the next one waits on. */
  #drop(why: Error): void {
    const phase = this.#state.kind
    this.#lossCause = why
    this.#channel?.destroy()
    this.#channel = undefined
    this.#probe?.[Symbol.dispose]()
    this.#probe = undefined
    this.#credentialsDue = []
    this.#watchesDue = 0
    if (phase === 'connected') this.#requests.lose(why)
  }

  #finish(why: SessionEnd): void {
    const reason = this.#endedError('go on', undefined, why)
    this.#requests.end(reason.error === 'auth-failed' ? 'auth-failed' : 'session-expired', reason)
    for (const { settle } of this.#credentials) settle(reason)
    this.watches.over(why)
    this.#over.abort(reason)
  }

  #endedError(verb: string, path?: string, why?: SessionEnd): ZooKeeperError {
    const { phase } = this.#session
    const end = why ?? (phase.kind === 'over' ? phase.why : 'closed')
    const error = end === 'auth-failed' ? 'auth-failed' : 'session-expired'
    const cause = new Error(ends[end])
    return new ZooKeeperError(error, verb, path === undefined ? { cause } : { cause, path })
  }

  #tellState(): void {
    const state = publicState(this.#session)
    if (state === undefined || sameState(state, this.#state)) return
    this.#state = state
    for (const listener of [...this.#listeners]) listener(state)
  }

  #arm(): void {
    const { clock } = this.#parts
    const at = machine.wakeAt(this.#session, this.#heard(), this.#channel?.sent ?? clock.now())
    if (at === this.#timer?.at) return
    this.#timer?.wake[Symbol.dispose]()
    this.#timer = undefined
    if (at === undefined) return
    const wake = clock.after(ms(Math.ceil(since(clock.now(), at))), () => this.#wake())
    this.#timer = { at, wake }
  }

  /**
   * One turn later, so that bytes which have arrived while this process did not run are heard
   * before the server is called silent.
   */
  #wake(): void {
    const { clock } = this.#parts
    const wake = clock.after(ms(0), () => {
      this.#timer = undefined
      const sent = this.#channel?.sent ?? clock.now()
      this.#apply({ kind: 'tick', heard: this.#heard(), sent, chance: this.#chance() })
    })
    this.#timer = { at: clock.now(), wake }
  }
}

const ended = (why: SessionEnd): SessionEvent => ({ kind: 'ended', why })

/** The last request of a session. */
const farewell = (done: () => void): Entry => ({
  name: 'closeSession',
  request: undefined,
  verb: 'close the session',
  path: undefined,
  changes: true,
  abandoned: false,
  answered: done,
  failed: (_error, code) => {
    if (code !== undefined) done()
  },
  xid: 0,
})

/** What the session's user sees of it; undefined where that is still what it was. */
function publicState({ phase, id, timeout }: Session): ClientState | undefined {
  switch (phase.kind) {
    case 'connected': {
      const readOnly = phase.seek !== undefined
      return { kind: 'connected', server: formatHost(phase.host), sessionId: id, timeout, readOnly }
    }
    case 'over':
      return { kind: 'over', why: phase.why }
    case 'closing':
      return undefined
    case 'resting':
    case 'dialing':
    case 'greeting':
      return { kind: 'connecting' }
    default:
      return unreachable(phase)
  }
}

function sameState(one: ClientState, other: ClientState): boolean {
  if (one.kind !== 'connected' || other.kind !== 'connected') return one.kind === other.kind
  return (
    one.server === other.server &&
    one.sessionId === other.sessionId &&
    one.readOnly === other.readOnly
  )
}
