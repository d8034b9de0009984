// One server as the differential test sees it: its clients, what they were answered and told, in
// words that do not depend on which server it is.

import type { ConnectResponse, Stat, WatcherEvent } from '../../src/wire/jute/records.ts'
import { openRawClient, type RawAnswer, type RawClient } from '../engines/raw-client.ts'
import type { Ask } from './operations.ts'

/** The watches a client believes it has. */
export interface Watching {
  readonly data: Set<string>
  readonly exist: Set<string>
  readonly child: Set<string>
  readonly persistent: Set<string>
  readonly recursive: Set<string>
}

/** What a request was answered. */
export interface Said {
  /** In words that do not depend on the server. */
  readonly text: string
  /** `undefined`: the connection ended. */
  readonly error: number | undefined
  readonly body: unknown
}

interface Member {
  client: RawClient
  session: ConnectResponse
  heard: number
  lastZxid: bigint
}

/** Numbers in the order in which they were first seen: the same on two servers that agree. */
class Labels {
  readonly #labels = new Map<bigint, number>()

  of(value: bigint): string {
    if (value === 0n) return '0'
    const label = this.#labels.get(value) ?? this.#labels.size + 1
    this.#labels.set(value, label)
    return `#${label}`
  }

  /** The labels in the order of their numbers. */
  sorted(): readonly number[] {
    return [...this.#labels].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, label]) => label)
  }
}

/** Nobody pings, and those that are away must not expire on a busy machine. */
const sessionTimeout = 60_000

/** One server and the clients it has. */
export class Side {
  readonly name: string
  readonly #port: number
  readonly #members: (Member | undefined)[] = []
  readonly #zxids = new Labels()
  readonly #sessions = new Labels()

  constructor(name: string, port: number) {
    this.name = name
    this.#port = port
  }

  async begin(client: number): Promise<void> {
    const connection = await openRawClient(this.#port)
    const session = await connection.hello({ timeout: sessionTimeout })
    if (session === undefined) throw new Error(`${this.name} took no new session`)
    this.#sessions.of(session.sessionId)
    this.#members[client] = { client: connection, session, heard: 0, lastZxid: 0n }
  }

  #member(client: number): Member {
    const member = this.#members[client]
    if (member === undefined) throw new Error(`there is no client ${client}`)
    return member
  }

  async end(client: number): Promise<void> {
    const { client: connection } = this.#member(client)
    await connection.ask('closeSession', undefined)
    await connection.closed
  }

  disconnect(client: number): void {
    this.#member(client).client[Symbol.dispose]()
  }

  async reconnect(client: number, watching: Watching): Promise<string> {
    const member = this.#member(client)
    const connection = await openRawClient(this.#port)
    const { sessionId, password } = member.session
    const { lastZxid } = member
    const session = await connection.hello({ timeout: sessionTimeout, sessionId, password })
    member.client = connection
    member.heard = 0
    const answer = await connection.ask('setWatches2', {
      relativeZxid: lastZxid,
      dataWatches: [...watching.data],
      existWatches: [...watching.exist],
      childWatches: [...watching.child],
      persistentWatches: [...watching.persistent],
      persistentRecursiveWatches: [...watching.recursive],
    })
    const isSame = session?.sessionId === sessionId && session.timeout === sessionTimeout
    return `${isSame ? 'same session' : 'another session'}, ${this.#say(answer, member)}`
  }

  /** Sends requests at once; what each was answered. */
  async ask(client: number, asks: readonly Ask[]): Promise<readonly Said[]> {
    const member = this.#member(client)
    const answers = asks.map(({ name, request }) => member.client.ask(name, request as never))
    return (await Promise.all(answers)).map((answer) => ({
      text: this.#say(answer, member),
      error: answer.kind === 'answer' ? answer.error : undefined,
      body: answer.kind === 'answer' ? answer.body : undefined,
    }))
  }

  /** The events that a client was told since it was asked last. */
  async events(client: number): Promise<readonly WatcherEvent[]> {
    const member = this.#member(client)
    // Whatever was sent before this answer has come when it comes.
    await member.client.ask('sync', { path: '/' })
    const events = member.client.events.slice(member.heard)
    member.heard += events.length
    return events
  }

  #say(answer: RawAnswer, member: Member): string {
    if (answer.kind === 'closed') return 'closed'
    // An answer to `auth` has no transaction.
    if (answer.zxid > 0n) {
      if (answer.zxid < member.lastZxid) return `went back from ${member.lastZxid}`
      member.lastZxid = answer.zxid
    }
    return `${answer.error} ${this.#describe(answer.body)}`
  }

  /** A body in words: without times, with labels for what servers number, names sorted. */
  #describe(body: unknown): string {
    return JSON.stringify(body, (key, value: unknown) => {
      if (key === 'ephemeralOwner') return this.#sessions.of(value as bigint)
      if (typeof value === 'bigint') return this.#zxids.of(value)
      if (key === 'children' || key === 'ephemerals') return (value as string[]).toSorted()
      if (key === 'clientInfo') return (value as object[]).map(inWords).toSorted()
      // What `auth` stands for is listed in the order of Java's hashes by one.
      if (key === 'acl') return (value as object[]).map((entry) => JSON.stringify(entry)).toSorted()
      if (key === 'stat') {
        const { ctime, mtime, ...rest } = value as Stat
        return { ...rest, isWritten: mtime >= ctime }
      }
      if (key === 'data') return value === null ? null : shortened(value)
      return value
    })
  }

  /** The order of all transactions that were seen. */
  order(): readonly number[] {
    return this.#zxids.sorted()
  }

  close(): void {
    for (const member of this.#members) member?.client[Symbol.dispose]()
  }
}

const inWords = (value: object): string => Object.values(value).join(' ')

function shortened(value: unknown): string {
  // JSON.stringify has asked the buffer for its JSON already.
  const { data } = value as { readonly data: readonly number[] }
  const text = Buffer.from(data).toString('latin1')
  return text.length > 40 ? `${text.length} of ${text[0]}` : text
}
