// Keeps this machine's server of a managed ensemble: looks at it again and again, decides, and has
// it started, ended or exchanged. It outlives whoever keeps it, and the next one goes on.

import { identify, signalProcess, statOf } from '../../control/processes.ts'
import { describeError } from '../../foundation/fault.ts'
import { type Clock, type Instant, ms, since } from '../../foundation/time.ts'
import type { ReplicaHost } from '../../services/host.ts'
import type { ReplicaProcess } from '../../services/model.ts'
import type { Server } from '../engines/apache/folder.ts'
import { decide } from './decide.ts'
import { patienceMost, silenceMost } from './facts.ts'
import type { EnsembleAction, EnsembleObservation, MemberAnswer, MemberProcess } from './model.ts'
import { openTurn, type Turn, type TurnOptions } from './turn.ts'

/** What a keeper works with. */
export interface KeeperOptions extends TurnOptions {
  /** undefined: this machine runs none. */
  readonly server: Server | undefined
  readonly host: ReplicaHost
  readonly clock: Clock
  /** Asks the server of this machine; never rejects. */
  readonly askOwn: () => Promise<MemberAnswer>
  /** Asks the servers of all other machines. */
  readonly askOthers: () => Promise<readonly MemberAnswer[]>
  /** How many others there are. */
  readonly others: number
  readonly heard: (rule: string, why: string) => void
}

/** The server's name among replicas. */
export const serverId = 'zookeeper'

const lookEvery = ms(100)
const askOwnEvery = ms(250)
const askOthersEvery = ms(1000)
/** A server that was not ended for so long is as good as any other. */
const forgivenAfter = ms(600_000)
/** Who was itself not running for so long has no right to call anybody silent. */
const ownPauseMost = ms(700)

/** Keeps the server until it is disposed; then the server goes on. */
export class EnsembleKeeper implements Disposable {
  readonly #options: KeeperOptions
  readonly #turn: Turn
  #timer: Disposable | undefined
  #isOver = false
  #rule = ''
  /** Why it could not be started, when that was tried last. */
  #trouble = ''
  #lookedAt: Instant
  /** Which life of the process the answers are of. */
  #life = ''
  #answer: MemberAnswer | undefined
  #hasAnswered = false
  #silentSince: Instant | undefined
  #patience = silenceMost
  /** When it was ended last for its silence. */
  #endedAt: Instant | undefined
  #othersServe: number
  #unservedSince: Instant | undefined
  #asked = { own: -Infinity, others: -Infinity }
  #asking = { own: false, others: false }

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#turn = openTurn(options)
    this.#lookedAt = options.clock.now()
    // Until they have been asked they are taken to serve: nothing is restarted for lack of news.
    this.#othersServe = options.others
    this.#look()
  }

  /** Its last answer; for status. */
  get answer(): MemberAnswer | undefined {
    return this.#answer
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#timer?.[Symbol.dispose]()
    this.#turn[Symbol.dispose]()
  }

  #look(): void {
    const { clock, host } = this.#options
    const now = clock.now()
    if (since(this.#lookedAt, now) > ownPauseMost) this.#silentSince = undefined
    this.#lookedAt = now
    const process = host.observe().find(({ id }) => id === serverId)
    this.#follow(process)
    this.#ask(now, process)
    this.#unservedSince = this.#isServed() ? undefined : (this.#unservedSince ?? now)
    const decision = decide(this.#observe(now, process))
    if (decision.rule !== this.#rule) {
      this.#rule = decision.rule
      this.#options.heard(decision.rule, decision.why)
    }
    if (decision.rule === 'server-silent') this.#losePatience(now)
    else if (this.#endedAt !== undefined && since(this.#endedAt, now) > forgivenAfter) {
      this.#patience = silenceMost
      this.#endedAt = undefined
    }
    for (const action of decision.actions) this.#act(action, process)
    this.#timer = clock.after(lookEvery, () => this.#look())
  }

  /** It is ended, and has more time before that happens again. */
  #losePatience(now: Instant): void {
    this.#patience = ms(Math.min(2 * this.#patience, patienceMost))
    this.#endedAt = now
    this.#silentSince = undefined
  }

  #observe(now: Instant, process: ReplicaProcess | undefined): EnsembleObservation {
    const { server, others } = this.#options
    return {
      now,
      wanted: server?.revision,
      member: process === undefined ? undefined : memberOf(process),
      answer: this.#answer,
      silentSince: this.#silentSince,
      patience: this.#patience,
      others,
      othersServe: this.#othersServe,
      unservedSince: this.#unservedSince,
      hasTurn: this.#turn.isHeld,
      room: server?.room() ?? Number.POSITIVE_INFINITY,
    }
  }

  #isServed(): boolean {
    const { others } = this.#options
    return this.#answer?.kind === 'serves' || this.#othersServe * 2 > others
  }

  /** What a process answered says nothing about the one that took its place. */
  #follow(process: ReplicaProcess | undefined): void {
    const pid = process?.state.kind === 'running' ? process.state.pid : undefined
    const life = `${process?.startedAt}/${process?.restarts}/${pid}`
    if (life === this.#life) return
    this.#life = life
    this.#answer = undefined
    this.#hasAnswered = false
    this.#silentSince = undefined
  }

  #ask(now: Instant, process: ReplicaProcess | undefined): void {
    const { askOwn, askOthers, others } = this.#options
    const isDue = process?.state.kind === 'running' && now - this.#asked.own >= askOwnEvery
    if (isDue && !this.#asking.own) {
      this.#asked.own = now
      this.#asking.own = true
      const life = this.#life
      void askOwn().then((answer) => {
        this.#asking.own = false
        if (life === this.#life) this.#answered(answer)
      })
    }
    if (others > 0 && now - this.#asked.others >= askOthersEvery && !this.#asking.others) {
      this.#asked.others = now
      this.#asking.others = true
      void askOthers().then((answers) => {
        this.#asking.others = false
        this.#othersServe = answers.filter(({ kind }) => kind === 'serves').length
      })
    }
  }

  #answered(answer: MemberAnswer): void {
    this.#answer = answer
    if (answer.kind === 'silent') {
      // From now, not from when it was asked: we may have been stopped ourselves in between.
      if (this.#hasAnswered) this.#silentSince ??= this.#options.clock.now()
      return
    }
    this.#silentSince = undefined
    if (answer.kind !== 'refused') this.#hasAnswered = true
  }

  #act(action: EnsembleAction, process: ReplicaProcess | undefined): void {
    const { host, server, heard } = this.#options
    switch (action.kind) {
      case 'start':
        if (server === undefined || this.#isOver) return
        try {
          server.write()
          const { template, revision } = server
          host.start({ id: serverId, service: serverId, revision, template })
          this.#trouble = ''
        } catch (thrown) {
          // Said once for each reason; tried again with the next look.
          const why = describeError(thrown)
          if (this.#trouble !== why) heard('server-cannot-start', why)
          this.#trouble = why
        }
        return
      case 'stop':
        host.stop(serverId, server?.template.stopWithin ?? ms(3000))
        return
      case 'kill': {
        // Straight from here: its guard sees that it ended, and starts it again.
        if (process?.state.kind !== 'running') return host.stop(serverId, ms(0))
        const target = identify(process.state.pid)
        if (target !== undefined) signalProcess(target, 'SIGKILL')
        return
      }
      case 'ask-turn':
        this.#turn.ask()
        return
      case 'yield-turn':
        this.#turn.yield()
        return
    }
  }
}

/** Its guard may have started it again long after it was started first: the last start counts. */
function memberOf({ state, revision, startedAt: first }: ReplicaProcess): MemberProcess {
  const isFrozen = state.kind === 'running' && statOf(state.pid)?.stopped === true
  const startedAt = state.kind === 'running' ? state.since : first
  return { state: state.kind, revision, startedAt, isFrozen }
}
