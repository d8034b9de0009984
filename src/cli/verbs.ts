// The verbs: what each is called, what it may be told, and where its code is.

import { type Command, Option } from 'commander'
import { ms } from '../foundation/time.ts'
import type { DeployOptions } from './deploy.ts'
import type { DrainOptions } from './drain.ts'
import type { EventsOptions } from './events.ts'
import type { ExitCode } from './exit.ts'
import type { Whereabouts } from './locate.ts'
import type { Ports } from './ports.ts'
import type { RestartOptions } from './restart.ts'
import type { StatusOptions } from './status.ts'
import { durationOption, numberOption } from './usage.ts'

/** Hears how a verb ended. */
export type Done = (code: ExitCode) => void

/** Adds every verb to the program. */
export function addVerbs(program: Command, done: Done): void {
  addLooking(program.commandsGroup('See how it is:'), done)
  addChanging(program.commandsGroup('Change what runs:'), done)
}

function addLooking(program: Command, done: Done): void {
  program
    .command('status')
    .description('services, replicas, frontends and edges, with the reason for what is not well')
    .option('-w, --watch', 'again and again, until Ctrl-C')
    .addOption(duration('--every <time>', 'between two looks of --watch').default(ms(1000), '1s'))
    .option('--json', 'as JSON; with --watch one line a look')
    .action(async (options: StatusOptions, command: Command) => {
      const { status } = await import('./status.ts')
      done(await status(await portsOf(command), options))
    })
  program
    .command('events')
    .description('what happened, by which rule, and why')
    .option('-f, --follow', 'go on with what happens from now on')
    .addOption(number('-n, --last <count>', 'how many to begin with').default(50))
    .option('--json', 'as lines of JSON')
    .action(async (options: EventsOptions, command: Command) => {
      const { events } = await import('./events.ts')
      done(await events(await portsOf(command), options))
    })
  program
    .command('why')
    .argument('<thing>', 'a service, a replica, a server or a frontend')
    .description('why it is as it is, and the command that would help')
    .option('--json', 'as JSON')
    .action(async (thing: string, options: { readonly json?: boolean }, command: Command) => {
      const { why } = await import('./why.ts')
      done(await why(await portsOf(command), thing, options))
    })
}

function addChanging(program: Command, done: Done): void {
  program
    .command('deploy')
    .argument('<service>')
    .description('exchange its replicas one after another; rolled back by itself if they fail')
    .option('--no-wait', 'do not wait for the outcome')
    .action(async (service: string, options: DeployOptions, command: Command) => {
      const { deploy } = await import('./deploy.ts')
      done(await deploy(await portsOf(command), service, options))
    })
  program
    .command('restart')
    .argument('<service|replica>')
    .description('exchange it for fresh replicas of the same revision')
    .option('--no-wait', 'do not wait for the outcome')
    .addOption(duration('--within <time>', 'how long to wait').default(ms(300_000), '5m'))
    .action(async (subject: string, options: RestartOptions, command: Command) => {
      const { restart } = await import('./restart.ts')
      done(await restart(await portsOf(command), subject, options))
    })
  program
    .command('drain')
    .argument('<server>', 'a replica or a server, by its name in `alwayson status`')
    .description('send it nothing new; what is in flight on it may end')
    .option('--force', 'also the last one that is up: requests wait meanwhile')
    .option('-w, --wait', 'until nothing is in flight on it')
    .addOption(duration('--within <time>', 'how long to wait at most'))
    .action(async (server: string, options: DrainOptions, command: Command) => {
      const { drain } = await import('./drain.ts')
      done(await drain(await portsOf(command), server, options))
    })
  program
    .command('undrain')
    .argument('<server>')
    .description('let a drained server take requests again')
    .action(async (server: string, _options: object, command: Command) => {
      const { undrain } = await import('./drain.ts')
      done(await undrain(await portsOf(command), server))
    })
}

const duration = (flags: string, description: string): Option =>
  new Option(flags, description).argParser(durationOption)

const number = (flags: string, description: string): Option =>
  new Option(flags, description).argParser(numberOption)

/** The ports of a verb that speaks to the agent of the file that is meant. */
async function portsOf(command: Command): Promise<Ports> {
  const [{ openPorts }, { findState }] = await Promise.all([
    import('./terminal.ts'),
    import('./locate.ts'),
  ])
  const where = command.optsWithGlobals<Whereabouts>()
  return openPorts(() => findState(where).socket)
}
