// One seed, one life of a cluster: machines are cut off, stopped, killed and lose their power while
// operators apply files and drain machines on any of them; afterwards all is where it should be.

import { placementCodec, places } from '../../cluster/codecs.ts'
import type { NodeChange } from '../../coordination/model.ts'
import { below, pick, type Random, seededRandom } from '../../foundation/random.ts'
import { instant, later, type Milliseconds, ms } from '../../foundation/time.ts'
import { VirtualClock } from '../clock.ts'
import { Ensemble } from '../coordinator/ensemble.ts'
import { ClusterMachine, type MachineWorld, replicasIn } from './machine.ts'

/** What must hold in every life. */
export const clusterPromises = {
  'one-placing-leader': 'once a placement of an epoch is accepted, none of an earlier one is',
  'one-file-a-version': 'a version of the file is what whoever applied it was told',
  'all-follow': 'once nothing is wrong, all act on the same file and placement, as it says',
  'none-missing': 'where nothing but files and drains happens, no replica is missing meanwhile',
} as const

export type ClusterPromise = keyof typeof clusterPromises

/** What became of a life. */
export interface ClusterReport {
  readonly seed: number
  readonly calm: boolean
  readonly breach: { readonly promise: ClusterPromise; readonly what: string } | undefined
  readonly placements: number
  readonly applied: number
}

const session = ms(400)
const names = ['a', 'b', 'c']
const troubles = ['cut', 'one-way', 'reset', 'stop', 'kill', 'power', 'outage', 'slow'] as const

/** How a life is lived. */
export interface ClusterOptions {
  /** A control: machines rely on others whatever placement those act on. */
  readonly hasty?: boolean
  readonly write?: (line: string) => void
}

/** Lives one life; the same seed is the same life on every machine. */
export async function liveCluster(
  seed: number,
  { hasty = false, write }: ClusterOptions = {},
): Promise<ClusterReport> {
  const life = new ClusterLife(seed, hasty, write)
  await life.live()
  return life.report()
}

class ClusterLife {
  readonly #seed: number
  readonly #clock = new VirtualClock()
  readonly #random: Random
  readonly #ensemble: Ensemble
  readonly #machines: readonly ClusterMachine[]
  readonly #write: ((line: string) => void) | undefined
  /** Nothing happens in it but what operators ask for. */
  readonly #calm: boolean
  readonly #texts = new Map<number, string>()
  #breach: ClusterReport['breach']
  #stirred = false
  #slow = false
  #epoch = 0
  #placements = 0

  constructor(seed: number, hasty: boolean, write: ((line: string) => void) | undefined) {
    this.#seed = seed
    this.#write = write
    this.#random = seededRandom(seed, 'trouble')
    this.#calm = this.#random.next() < 0.25
    const chance = seededRandom(seed, 'network')
    const delay = (): Milliseconds => ms(0.2 + chance.next() * (this.#slow ? 120 : 4))
    const servers = this.#random.next() < 0.3 ? 3 : 1
    this.#ensemble = new Ensemble({
      ...{ clock: this.#clock, delay, servers },
      accepted: (changes) => this.#accepted(changes),
    })
    const world: MachineWorld = {
      ...{ names, wire: this.#clock, ensemble: this.#ensemble, delay, session, hasty },
      random: seededRandom(seed, 'machines'),
      stirred: () => {
        this.#stirred = true
      },
      trace: (line) => this.#trace(line),
    }
    this.#machines = names.map((name) => new ClusterMachine(name, world))
  }

  report(): ClusterReport {
    const [placements, applied] = [this.#placements, this.#texts.size]
    return { seed: this.#seed, calm: this.#calm, breach: this.#breach, placements, applied }
  }

  async live(): Promise<void> {
    const replicas = 2 + below(this.#random, 5)
    const first = pick(this.#random, this.#machines)
    for (let tries = 0; tries < 40 && this.#texts.size === 0; tries += 1) {
      this.#apply(first, replicas)
      await this.#run(ms(50))
    }
    await this.#untilAsItShouldBe()
    for (let turn = 0; turn < 8 && this.#breach === undefined; turn += 1) {
      await this.#run(ms(100 + this.#random.next() * 700))
      const machine = pick(this.#random, this.#machines)
      if (machine === undefined) return
      if (this.#random.next() < (this.#calm ? 1 : 0.3)) this.#wish(machine)
      else this.#befall(machine, pick(this.#random, troubles) ?? 'reset')
    }
    this.#heal()
    await this.#untilAsItShouldBe()
    for (const machine of this.#machines) machine.end()
  }

  /** An operator wants another number, or a machine drained, or back. */
  #wish(machine: ClusterMachine): void {
    const other = pick(this.#random, names) ?? ''
    this.#stirred = true
    if (this.#random.next() < 0.5 && !this.#calm) {
      return this.#apply(machine, 1 + below(this.#random, 7))
    }
    this.#trace(() => `an operator turns ${other} on ${machine.name}`)
    const never = new AbortController().signal
    machine.member
      .order(({ drainedMachines: drained, ...orders }) => {
        const isDrained = drained.includes(other)
        const rest = drained.filter((name) => name !== other)
        return { ...orders, drainedMachines: isDrained ? rest : rest.length > 1 ? rest : [other] }
      }, never)
      .catch(() => {})
  }

  #apply(machine: ClusterMachine | undefined, replicas: number): void {
    this.#stirred = true
    this.#trace(() => `an operator applies ${replicas} replicas on ${machine?.name}`)
    const told = (version: number | undefined): void => {
      if (version === undefined) return
      const before = this.#texts.get(version)
      if (before !== undefined && before !== String(replicas)) {
        this.#broken('one-file-a-version', `version ${version} is ${before} and ${replicas}`)
      }
      this.#texts.set(version, String(replicas))
    }
    machine?.apply(replicas).then(told, () => {})
  }

  #befall(victim: ClusterMachine, trouble: (typeof troubles)[number]): void {
    const lasts = session * this.#random.next() * 3
    const until = (then: () => void): void => {
      this.#clock.after(ms(lasts), () => {
        then()
        this.#stirred = true
      })
    }
    this.#trace(() => `${trouble} befalls ${victim.name}`)
    this.#stirred = true
    switch (trouble) {
      case 'cut':
      case 'one-way': {
        const way = this.#random.next() < 0.5
        victim.cut(trouble === 'cut' ? { up: true, down: true } : { up: way, down: !way })
        return until(() => victim.cut({ up: false, down: false }))
      }
      case 'reset':
        return victim.reset()
      case 'stop':
        victim.stop()
        return until(() => victim.continue())
      case 'kill':
      case 'power':
        return victim.kill(trouble === 'power')
      case 'outage':
        this.#ensemble.available = false
        return until(() => {
          this.#ensemble.available = true
        })
      case 'slow':
        this.#slow = true
        return until(() => {
          this.#slow = false
        })
    }
  }

  #heal(): void {
    this.#slow = false
    this.#ensemble.available = true
    this.#stirred = true
    for (const machine of this.#machines) {
      machine.cut({ up: false, down: false })
      if (machine.isStopped) machine.continue()
    }
  }

  async #untilAsItShouldBe(): Promise<void> {
    const deadline = later(this.#clock.now(), ms(20_000))
    for (let ail = this.#ail(); ail !== undefined; ail = this.#ail()) {
      if (this.#breach !== undefined) return
      if (this.#clock.now() >= deadline) return this.#broken('all-follow', ail)
      await this.#run(ms(50))
    }
  }

  /** What is not yet as it should be. */
  #ail(): string | undefined {
    const [first, ...rest] = this.#machines.map(({ member }) => member.view())
    if (first?.applied === undefined || first.placement === undefined) return 'nothing is placed'
    const same = rest.every(
      ({ applied, placement }) =>
        applied?.version === first.applied?.version &&
        placement?.version === first.placement?.version,
    )
    if (!same) return 'not all know the same'
    const shares = first.placement.value.shares.web ?? {}
    const wanted = replicasIn(first.applied.document.text)
    const placed = Object.values(shares).reduce((sum, share) => sum + share, 0)
    if (placed !== wanted) return `${placed} are placed, ${wanted} wanted`
    const odd = this.#machines.find(({ name, up }) => up !== (shares[name] ?? 0))
    return odd && `${odd.up} are up on ${odd.name}, its share is ${shares[odd.name] ?? 0}`
  }

  #accepted(changes: readonly NodeChange[]): void {
    for (const change of changes) {
      if (change.path !== places.placement || change.kind === 'check') continue
      if (change.kind === 'delete') continue
      const { epoch } = placementCodec.parse(Buffer.from(change.data ?? ''))
      this.#placements += 1
      if (epoch < this.#epoch) {
        this.#broken('one-placing-leader', `epoch ${epoch} was accepted after ${this.#epoch}`)
      }
      this.#epoch = epoch
    }
  }

  /** In a calm life replicas move, and none is missing while they do. */
  #look(): void {
    if (!this.#calm || this.#epoch === 0 || this.#texts.size === 0 || !this.#settled) return
    const up = this.#machines.reduce((sum, machine) => sum + machine.up, 0)
    const wanted = replicasIn([...this.#texts.values()].at(-1) ?? '0')
    if (up < wanted) this.#broken('none-missing', `${up} of ${wanted} are up`)
  }

  /** Whether all were up at least once: from then on none may be missing. */
  get #settled(): boolean {
    this.#wasSettled ||= this.#ail() === undefined
    return this.#wasSettled
  }

  #wasSettled = false

  #broken(promise: ClusterPromise, what: string): void {
    this.#breach ??= { promise, what: `${what}, at ${this.#clock.now()}` }
  }

  #trace(line: () => string): void {
    this.#write?.(`${this.#clock.now().toFixed(1).padStart(8)}  ${line()}`)
  }

  async #run(wait: Milliseconds): Promise<void> {
    const end = instant(this.#clock.now() + wait)
    if (this.#stirred) await this.#settle()
    for (let at = this.#clock.next(); at !== undefined && at <= end; at = this.#clock.next()) {
      this.#clock.step()
      if (this.#stirred) await this.#settle()
      this.#look()
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
