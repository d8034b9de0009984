// The managed ensemble, as one machine takes part in it: sessions over TLS with all its servers,
// and the one that runs here, kept.

import { join } from 'node:path'
import type { MachineKeys } from '../control/doors/keys.ts'
import { openRandom } from '../foundation/random.ts'
import { type Clock, type Milliseconds, ms, sleep } from '../foundation/time.ts'
import type { HostListener, ReplicaHost } from '../services/host.ts'
import type { Host } from './client/model.ts'
import { type Dial, openDial } from './client/transport.ts'
import type { Coordinator } from './coordinator.ts'
import { layOut } from './engines/apache/folder.ts'
import { askMember } from './engines/apache/probe.ts'
import { EnsembleKeeper, serverId } from './ensemble/keep.ts'
import type { MemberAnswer } from './ensemble/model.ts'
import type { Endpoint, Machine, ManagedPlan } from './model.ts'

/** Opens what runs guarded processes whose records are in `folder`. */
export type OpenHost = (folder: string, listener: HostListener) => Promise<ReplicaHost>

/** What a machine's part in an ensemble is opened with. */
export interface ManagedOptions {
  readonly plan: ManagedPlan
  readonly keys: MachineKeys
  /** The private folder of the file's state. */
  readonly folder: string
  readonly clock: Clock
  readonly openHost: OpenHost
  readonly open: (signal: AbortSignal) => Promise<Coordinator & AsyncDisposable>
  /** Hears what was decided about the server that runs here, and what became of it. */
  readonly heard: (rule: string, why: string) => void
}

/** This machine's part in an ensemble. Disposing it lets go: the server runs on. */
export interface ManagedServer extends Disposable {
  /** What the server of each machine answered last; without those that have not been asked yet. */
  answers(): ReadonlyMap<string, MemberAnswer>
  /** Ends the server that runs here, and resolves when it is gone. */
  stop(within: Milliseconds): Promise<void>
}

/** Where the members of a managed ensemble listen for clients. */
export const endpointsOf = ({ members, ports }: ManagedPlan): readonly Endpoint[] =>
  members.map(({ address }) => ({ host: address, port: ports.client }))

/** Connections to the members, each known by the name in its certificate. */
export function dialOf({ members }: ManagedPlan, { ca, cert, key }: MachineKeys): Dial {
  const random = openRandom()
  const dials = new Map(
    members.map(({ name, address }) => [
      address,
      openDial(random, { ca, cert, key, servername: name }),
    ]),
  )
  const other = openDial(random, { ca, cert, key })
  return (host: Host, listener) => (dials.get(host.host) ?? other)(host, listener)
}

/** How long a server may take to say how it is. */
const answerWithin = ms(1000)

/**
 * Takes part: starts this machine's server if the plan has one here, adopts one that runs, or ends
 * one that no longer should. Rejects with a Fault if there is nothing to start.
 */
export async function openManaged(options: ManagedOptions): Promise<ManagedServer> {
  const { plan, keys, folder, clock, heard } = options
  const dial = dialOf(plan, keys)
  const ask = ({ address }: Machine): Promise<MemberAnswer> =>
    askMember(dial, { host: address, port: plan.ports.client }, clock, answerWithin)
  const machine = plan.members.find(({ name }) => name === keys.machine)
  const others = plan.members.filter(({ name }) => name !== keys.machine)
  const ofOthers = new Map<string, MemberAnswer>()
  const askOther = async (member: Machine): Promise<MemberAnswer> => {
    const answer = await ask(member)
    ofOthers.set(member.name, answer)
    return answer
  }
  const server =
    machine === undefined
      ? undefined
      : layOut({ plan, machine, keys, folder: join(folder, 'zk', 'server'), env: process.env })
  const host = await options.openHost(join(folder, 'zk'), {
    changed: () => undefined,
    event: (rule, _subject, why) => heard(rule, why),
  })
  const keeper = new EnsembleKeeper({
    ...{ clock, heard, host, server, open: options.open },
    machine: keys.machine,
    others: others.length,
    askOwn: () => (machine === undefined ? Promise.resolve({ kind: 'refused' }) : ask(machine)),
    askOthers: () => Promise.all(others.map(askOther)),
  })
  const isThere = (): boolean => host.observe().some(({ id }) => id === serverId)
  return {
    answers() {
      const { answer } = keeper
      if (answer === undefined) return ofOthers
      return new Map([...ofOthers, [keys.machine, answer]])
    },
    async stop(within) {
      keeper[Symbol.dispose]()
      host.stop(serverId, within)
      while (isThere()) await sleep(clock, ms(20))
    },
    [Symbol.dispose]() {
      keeper[Symbol.dispose]()
      host.leave()
    },
  }
}
