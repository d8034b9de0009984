// What the command line may ask of an agent that is one of several, and what one alone says
// instead.

import { Fault } from '../foundation/fault.ts'
import { type AgentCluster, everywhere } from './cluster.ts'
import {
  deployEverywhere,
  drainMachine,
  drainServer,
  restartEverywhere,
  undrainMachine,
  undrainServer,
} from './cluster-operator.ts'
import type { Core } from './core.ts'
import { deploy, drain, restart } from './operator.ts'
import type { Answers } from './server.ts'

const alone = (): never => {
  throw new Fault('unsupported', 'this machine is alone: its file names no others', {
    remedy: 'name them under machines:, and say what they agree through: coordination:',
  })
}

type ClusterPaths = '/file' | '/machine' | '/down-everywhere'

/** The answers of an agent whose file names no other machines. */
export const aloneAnswers: Pick<Answers, ClusterPaths> = {
  '/file': alone,
  '/machine': alone,
  '/down-everywhere': alone,
}

const done = {}

/** The answers of an agent that is one of several: what is asked of one is done by all. */
export function clusterAnswers(
  cluster: AgentCluster,
  core: Core,
  moveAway: (machine: string, drained: readonly string[]) => Promise<void>,
): Pick<Answers, ClusterPaths | '/deploy' | '/restart' | '/drain' | '/undrain'> {
  return {
    '/file': () => {
      const { applied } = cluster.view()
      if (applied === undefined) throw new Fault('not-found', 'no file is in force yet')
      const { version, document } = applied
      return { version, by: document.by, at: document.at, text: document.text }
    },
    '/machine': async ({ machine, verb, force }) => {
      const view = cluster.view()
      const { spec } = core.world()
      const change =
        verb === 'drain'
          ? drainMachine(view, spec, machine, force)
          : undrainMachine(view, spec, machine)
      const { drainedMachines } = view.orders
      // Who cannot be moved is left where it is only if that was asked for.
      if (verb === 'drain' && !force) await moveAway(machine, drainedMachines)
      await cluster.order(change)
      return done
    },
    '/deploy': async ({ service }) => {
      // Refused here as it would be everywhere.
      deploy(core.world(), service, core.now())
      await cluster.order(deployEverywhere(service))
      return done
    },
    '/restart': async ({ subject }) => {
      const world = core.world()
      if (world.cluster?.byId.get(subject) === undefined) restart(world, subject, core.now())
      await cluster.order(restartEverywhere(subject))
      return done
    },
    '/drain': async ({ server, force }) => {
      drain(core.world(), server, force)
      await cluster.order(drainServer(server))
      return done
    },
    '/undrain': async ({ server }) => {
      await cluster.order(undrainServer(cluster.view(), server))
      return done
    },
    '/down-everywhere': async () => {
      await cluster.order(restartEverywhere(everywhere))
      return done
    },
  }
}
