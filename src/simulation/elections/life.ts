// One seed, one life of elections: candidates are cut off, stopped and killed, and never are writes
// of two leaders both accepted. Afterwards somebody leads.

import type { NodeChange } from '../../coordination/model.ts'
import { below, pick, type Random, seededRandom } from '../../foundation/random.ts'
import { type Instant, instant, later, type Milliseconds, ms } from '../../foundation/time.ts'
import { VirtualClock } from '../clock.ts'
import { Ensemble } from '../coordinator/ensemble.ts'
import { Candidate, type CandidateWorld, type Manner, work } from './candidate.ts'
import { type ElectionPlan, electionOf, type Trouble } from './plan.ts'

/** What must hold in every life. */
export const electionPromises = {
  'one-accepted-leader': 'once a write of a leader is accepted, none of an earlier epoch is',
  'one-holder-an-epoch': 'an epoch is held by one',
  'one-acts': 'while a leader may act by its lease, none of an earlier epoch does',
  'leads-again': 'once nothing is wrong any more, somebody leads',
  'no-crash': 'nothing throws what nobody expects',
} as const

export type ElectionPromise = keyof typeof electionPromises

/** What became of a life. */
export interface ElectionReport {
  readonly plan: ElectionPlan
  readonly breach: { readonly promise: ElectionPromise; readonly what: string } | undefined
  /** How many epochs began, and how many writes of leaders were accepted. */
  readonly epochs: number
  readonly writes: number
  readonly steps: number
}

/** How a life is lived. */
export interface ElectionOptions {
  readonly manner?: Manner
  readonly write?: (line: string) => void
}

/** Lives one life; the same seed is the same life on every machine. */
export async function liveElection(
  seed: number,
  { manner = 'guarded', write }: ElectionOptions = {},
): Promise<ElectionReport> {
  const life = new ElectionLife(electionOf(seed), manner, write)
  await life.live()
  return life.report()
}

class ElectionLife {
  readonly #plan: ElectionPlan
  readonly #clock = new VirtualClock()
  readonly #ensemble: Ensemble
  readonly #candidates: readonly Candidate[]
  readonly #random: Random
  readonly #write: ((line: string) => void) | undefined
  #breach: ElectionReport['breach']
  #stirred = false
  #slow = false
  #highest = 0
  #holder = ''
  #acted = 0
  #writes = 0
  #epochs = 0
  #steps = 0

  constructor(plan: ElectionPlan, manner: Manner, write: ((line: string) => void) | undefined) {
    this.#plan = plan
    this.#write = write
    this.#random = seededRandom(plan.seed, 'trouble')
    const chance = seededRandom(plan.seed, 'network')
    const delay = (): Milliseconds => ms(0.2 + chance.next() * (this.#slow ? 120 : 4))
    this.#ensemble = new Ensemble({
      ...{ clock: this.#clock, delay, servers: plan.servers },
      accepted: (changes, _session, at) => this.#accepted(changes, at),
    })
    const world: CandidateWorld = {
      ...{ plan, wire: this.#clock, ensemble: this.#ensemble, delay, manner },
      random: seededRandom(plan.seed, 'candidates'),
      stirred: () => {
        this.#stirred = true
      },
      acts: (id, epoch) => this.#acts(id, epoch),
      trace: (line) => this.#trace(line),
    }
    this.#candidates = Array.from(
      { length: plan.candidates },
      (_, at) => new Candidate('abc'[at] ?? '', world),
    )
  }

  report(): ElectionReport {
    const { seed: _, ...rest } = this.#plan
    return {
      plan: { seed: this.#plan.seed, ...rest },
      breach: this.#breach,
      ...{ epochs: this.#epochs, writes: this.#writes, steps: this.#steps },
    }
  }

  async live(): Promise<void> {
    const { lasts, pause } = this.#plan
    const end = later(this.#clock.now(), lasts)
    await this.#prepare()
    while (this.#clock.now() < end && this.#breach === undefined) {
      await this.#run(ms(pause * (0.5 + this.#random.next())))
      this.#befall(pick(this.#random, this.#plan.troubles) ?? 'reset')
    }
    if (this.#breach === undefined) await this.#leadsAgain()
    for (const candidate of this.#candidates) candidate.end()
  }

  /** The node that leaders write is there before the first of them. */
  async #prepare(): Promise<void> {
    const author = this.#ensemble.attach(
      0,
      { session: 0n, timeout: ms(60_000), seen: 0n },
      { event() {}, ended() {} },
    )
    if (author === undefined || author === 'expired') throw new Error('the servers do not answer')
    const changes = [{ kind: 'create', path: work }] as const
    author.ask({ kind: 'write', changes }, { answer() {}, refuse() {} })
    await this.#settle()
  }

  async #leadsAgain(): Promise<void> {
    this.#heal()
    const { session, lease } = this.#plan
    const deadline = later(this.#clock.now(), ms(4 * session + 2 * lease + 2000))
    const before = this.#writes
    while (this.#writes === before && this.#clock.now() < deadline) await this.#run(ms(50))
    if (this.#writes === before && this.#breach === undefined) {
      this.#broken('leads-again', `nobody leads by ${deadline}`)
    }
  }

  #heal(): void {
    this.#slow = false
    this.#ensemble.available = true
    for (const candidate of this.#candidates) {
      candidate.cut({ up: false, down: false })
      if (candidate.isStopped) candidate.continue()
    }
  }

  #befall(trouble: Trouble): void {
    const victim = pick(this.#random, this.#candidates)
    if (victim === undefined) return
    const { session } = this.#plan
    const until = (wait: number, then: () => void): void => {
      this.#clock.after(ms(wait), () => {
        then()
        this.#stirred = true
      })
    }
    const short = below(this.#random, session / 2)
    const long = session * (0.8 + this.#random.next())
    this.#trace(() => `${trouble} befalls ${victim.id}`)
    this.#stirred = true
    switch (trouble) {
      case 'cut':
      case 'cut-up':
      case 'cut-down': {
        victim.cut({ up: trouble !== 'cut-down', down: trouble !== 'cut-up' })
        const lasts = this.#random.next() < 0.5 ? short : long
        return until(lasts, () => victim.cut({ up: false, down: false }))
      }
      case 'reset':
        return victim.reset()
      case 'stop':
      case 'stop-long':
        victim.stop()
        return until(trouble === 'stop' ? short : long, () => victim.continue())
      case 'kill':
        return victim.kill()
      case 'outage':
        this.#ensemble.available = false
        return until(short, () => {
          this.#ensemble.available = true
        })
      case 'slow':
        this.#slow = true
        return until(short, () => {
          this.#slow = false
        })
    }
  }

  #accepted(changes: readonly NodeChange[], at: Instant): void {
    for (const change of changes) {
      if (change.kind === 'set' && change.path === '/role/epoch') this.#epochs += 1
      if (change.kind !== 'set' || change.path !== work) continue
      const [id = '', written = ''] = String(change.data).split(' ')
      const epoch = Number(written)
      this.#writes += 1
      this.#trace(() => `a write of ${id} at epoch ${epoch} is accepted`)
      if (epoch < this.#highest) {
        const what = `${id} at epoch ${epoch}, after ${this.#holder} at ${this.#highest}, at ${at}`
        this.#broken('one-accepted-leader', what)
      } else if (epoch === this.#highest && id !== this.#holder) {
        this.#broken('one-holder-an-epoch', `${id} and ${this.#holder} at epoch ${epoch}`)
      }
      this.#highest = Math.max(this.#highest, epoch)
      this.#holder = id
    }
  }

  #acts(id: string, epoch: number): void {
    // Where silence alone deposes, what a leader does is what the servers accept, and no more.
    if (this.#plan.silence !== undefined) return
    if (epoch < this.#acted) {
      this.#broken('one-acts', `${id} acts at epoch ${epoch}, after somebody did at ${this.#acted}`)
    }
    this.#acted = Math.max(this.#acted, epoch)
  }

  #broken(promise: ElectionPromise, what: string): void {
    this.#breach ??= { promise, what }
  }

  #trace(line: () => string): void {
    this.#write?.(`${this.#clock.now().toFixed(1).padStart(8)}  ${line()}`)
  }

  async #run(wait: Milliseconds): Promise<void> {
    const end = instant(this.#clock.now() + wait)
    if (this.#stirred) await this.#settle()
    for (let at = this.#clock.next(); at !== undefined && at <= end; at = this.#clock.next()) {
      this.#clock.step()
      this.#steps += 1
      if (this.#stirred) await this.#settle()
      if (this.#breach !== undefined) return
    }
    this.#clock.runUntil(end)
  }

  /** Lets every promise settle: ticks are served only when no promise is left to. */
  async #settle(): Promise<void> {
    this.#stirred = false
    await new Promise<void>((resolve) => process.nextTick(resolve))
  }
}
