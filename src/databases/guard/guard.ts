// The guard of one member's server: holds its process and its lease, answers agents that come and
// go, and ends a primary that nobody confirms.

import { type Link, type LinkServer, listenForLinks } from '../../control/link.ts'
import { bootId, type ProcessIdentity } from '../../control/processes.ts'
import { writeWhole } from '../../control/whole-file.ts'
import { describeError } from '../../foundation/fault.ts'
import { type Clock, type Instant, type Milliseconds, ms, since } from '../../foundation/time.ts'
import type { FindVouchers } from '../engine.ts'
import type { Lease, ServerLaunch, ServerProcess } from '../host.ts'
import { askWithin, type HeldLease, isVouchedBy, leaseStep } from './lease.ts'
import type { GuardMessage, GuardRecord, HostMessage } from './protocol.ts'
import { guardProtocol, recordFormat } from './protocol.ts'
import { type RunningServer, startServer } from './server.ts'

/** What a guard is opened with. */
export interface GuardOptions {
  readonly member: string
  readonly socket: string
  readonly record: string
  readonly version: string
  readonly self: ProcessIdentity
  readonly clock: Clock
  /** By the name of an engine: who asks its servers. */
  readonly vouchers: (engine: string) => Promise<FindVouchers>
  /** Told to quit, and nothing runs any more. */
  readonly ended: () => void
}

/** How often it looks how long its server's log is: what that says meanwhile has to have room. */
const lookAtLogEvery = ms(10_000)

/** Opens the door of a guard; nothing runs before an agent says so. */
export async function openGuard(options: GuardOptions): Promise<void> {
  const guard = new Guard(options)
  await guard.listen()
}

class Guard {
  readonly #options: GuardOptions
  readonly #links = new Set<Link<GuardMessage>>()
  #server: RunningServer | undefined
  #process: ServerProcess = { kind: 'none' }
  /** Whoever waits for the end of the server. */
  #waiting: (() => void)[] = []
  #isToldToEnd = false
  #lease: HeldLease | undefined
  #vouch: Lease['vouch']
  #timer: Disposable | undefined
  #logTimer: Disposable | undefined
  /** Why the log could not be kept short last; empty: it could. */
  #logTrouble = ''
  #door: LinkServer | undefined

  constructor(options: GuardOptions) {
    this.#options = options
  }

  async listen(): Promise<void> {
    this.#write()
    const { socket, version, self } = this.#options
    this.#door = await listenForLinks<GuardMessage, HostMessage>(socket, (link) => {
      this.#links.add(link)
      const hello = { kind: 'hello', protocol: guardProtocol, version, guard: self } as const
      link.send({ ...hello, process: this.#process })
      return {
        message: (message) => this.#obey(message, link),
        ended: () => this.#links.delete(link),
      }
    })
  }

  #obey(message: HostMessage, link: Link<GuardMessage>): void {
    if (message.kind === 'lease') return this.#take(message.lease)
    if (message.kind === 'quit') return void this.#quit()
    if (!('number' in message)) return
    const { number } = message
    const done = (failure?: string): void => link.send({ kind: 'done', number, failure })
    this.#do(message).then(
      () => done(),
      (thrown: unknown) => done(describeError(thrown)),
    )
  }

  async #do(message: Exclude<HostMessage, { kind: 'lease' | 'quit' }>): Promise<void> {
    switch (message.kind) {
      case 'start':
        return this.#start(message.launch)
      case 'signal':
        this.#server?.signal(message.signal)
        return
      case 'end':
        return this.#end(message.signal, message.within)
    }
  }

  #start(launch: ServerLaunch): void {
    if (this.#server !== undefined) return
    this.#isToldToEnd = false
    this.#take(undefined)
    this.#server = startServer(launch, (why, last) => this.#ended(why, last))
    const { pid } = this.#server.identity
    this.#set({ kind: 'running', pid, since: this.#options.clock.now() })
    this.#tendLog(this.#server)
  }

  /** For as long as this server runs. Nothing waits for it: its disk may be full, or hang. */
  #tendLog(server: RunningServer): void {
    this.#logTimer = this.#options.clock.after(lookAtLogEvery, async () => {
      const why = await server.shortenLog().then(() => '', describeError)
      if (why !== '' && why !== this.#logTrouble) {
        this.#tell({ kind: 'event', rule: 'log-not-kept', why })
      }
      this.#logTrouble = why
      if (this.#server === server) this.#tendLog(server)
    })
  }

  #ended(why: string, last: string): void {
    this.#server = undefined
    this.#logTimer?.[Symbol.dispose]()
    this.#take(undefined)
    const at = this.#options.clock.now()
    this.#set(this.#isToldToEnd ? { kind: 'none' } : { kind: 'ended', at, why, last })
    for (const tell of this.#waiting.splice(0)) tell()
  }

  async #end(signal: NodeJS.Signals, within: Milliseconds): Promise<void> {
    const server = this.#server
    if (server === undefined) {
      if (this.#process.kind === 'ended') this.#set({ kind: 'none' })
      return
    }
    this.#isToldToEnd = true
    const gone = new Promise<void>((resolve) => this.#waiting.push(resolve))
    using _ = this.#options.clock.after(within, () => server.kill())
    if (signal === 'SIGKILL') server.kill()
    else server.signal(signal)
    await gone
  }

  async #quit(): Promise<void> {
    await this.#end('SIGKILL', ms(0))
    this.#door?.[Symbol.dispose]()
    this.#options.ended()
  }

  #take(lease: Lease | undefined): void {
    const from = this.#options.clock.now()
    this.#vouch = lease?.vouch
    this.#lease =
      lease === undefined
        ? undefined
        : {
            ...{ from, for: lease.for, vouched: lease.vouch !== undefined },
            ...{ asked: undefined, asking: this.#lease?.asking ?? false },
          }
    this.#keep()
  }

  /** Does what the lease asks for, and wakes when it asks for something else. */
  #keep(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    if (this.#lease === undefined || this.#server === undefined) return
    const { clock } = this.#options
    const now = clock.now()
    const step = leaseStep(this.#lease, now)
    if (step.kind === 'end') return this.#fence()
    if (step.kind === 'ask') return void this.#ask(this.#lease, now)
    this.#timer = clock.after(ms(Math.ceil(since(now, step.until))), () => this.#keep())
  }

  #fence(): void {
    const held = this.#lease?.for ?? 0
    this.#tell({
      kind: 'event',
      rule: 'lease-over',
      why: `nobody has confirmed for ${Math.round(held)} ms that it is still the primary`,
    })
    this.#lease = undefined
    this.#server?.kill()
  }

  /** Asks who follows; a success counts from when it was asked. */
  async #ask(lease: HeldLease, now: Instant): Promise<void> {
    const vouch = this.#vouch
    if (vouch === undefined) return
    this.#lease = { ...lease, asked: now, asking: true }
    this.#keep()
    const isVouched = await this.#isVouched(vouch, askWithin(lease))
    const held = this.#lease
    if (held === undefined) return
    const from = isVouched && held.from < now ? now : held.from
    this.#lease = { ...held, from, asking: false }
    this.#keep()
  }

  async #isVouched(vouch: NonNullable<Lease['vouch']>, within: Milliseconds): Promise<boolean> {
    const stop = new AbortController()
    using _ = this.#options.clock.after(within, () => stop.abort(new Error('nobody answered')))
    try {
      const find = await this.#options.vouchers(vouch.plan.engine)
      const followers = await find(vouch.plan, vouch.acks.members, stop.signal)
      return isVouchedBy(vouch.acks, followers)
    } catch {
      // Whatever failed: nobody has vouched, and the lease goes on to its end.
      return false
    }
  }

  #set(process: ServerProcess): void {
    this.#process = process
    // Its agent first: clients may be waiting for what that decides, and the disk takes its time.
    this.#tell({ kind: 'process', process })
    this.#write()
  }

  #tell(message: GuardMessage): void {
    for (const link of this.#links) link.send(message)
  }

  /** A record that cannot be written is no reason to fail: the guard itself can still be asked. */
  #write(): void {
    const { member, record, version, self } = this.#options
    const text: GuardRecord = {
      ...{ format: recordFormat, boot: bootId(), version, member, guard: self },
      server: this.#server?.identity,
    }
    try {
      writeWhole(record, JSON.stringify(text))
    } catch (thrown) {
      this.#tell({ kind: 'event', rule: 'record-outdated', why: describeError(thrown) })
    }
  }
}
