// The verbs that change what runs: what each may be told, and where its code is.

import { Argument, type Command } from 'commander'
import { ms } from '../../foundation/time.ts'
import type { DeployOptions } from '../deploy.ts'
import type { DrainOptions } from '../drain.ts'
import type { RestartOptions } from '../restart.ts'
import { type Done, duration, portsOf } from './shared.ts'

/** Adds the verbs that ask a running agent for something. */
export function addChanging(program: Command, done: Done): void {
  program
    .command('deploy')
    .argument('<service>')
    .description('exchange its replicas one after another; rolled back by itself if they fail')
    .option('--no-wait', 'do not wait for the outcome')
    .action(async (service: string, options: DeployOptions, command: Command) => {
      const { deploy } = await import('../deploy.ts')
      done(await deploy(await portsOf(command), service, options))
    })
  program
    .command('restart')
    .argument('<service|replica|database>')
    .description('exchange it for fresh replicas; of a database, restart the servers one by one')
    .option('--member <member>', 'of a database: only this one')
    .option('--stop', 'of a database: leave those as they are that have not been restarted')
    .option('--no-wait', 'do not wait for the outcome')
    .addOption(duration('--within <time>', 'how long to wait').default(ms(300_000), '5m'))
    .action(async (subject: string, options: RestartOptions, command: Command) => {
      const { restart } = await import('../restart.ts')
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
      const { drain } = await import('../drain.ts')
      done(await drain(await portsOf(command), server, options))
    })
  program
    .command('maintenance')
    .addArgument(new Argument('<on|off>').choices(['on', 'off']))
    .argument('<frontend|service>')
    .description('answer its requests 503 with the time to come back, or serve them again')
    .action(async (word: 'on' | 'off', subject: string, _options: object, command: Command) => {
      const { maintenance } = await import('../maintenance.ts')
      done(await maintenance(await portsOf(command), subject, word === 'on'))
    })
  program
    .command('undrain')
    .argument('<server>')
    .description('let a drained server take requests again')
    .action(async (server: string, _options: object, command: Command) => {
      const { undrain } = await import('../drain.ts')
      done(await undrain(await portsOf(command), server))
    })
}
