// The verbs that only look: what each may be told, and where its code is.

import type { Command } from 'commander'
import { ms } from '../../foundation/time.ts'
import type { EventsOptions } from '../events.ts'
import type { LogsOptions } from '../logs.ts'
import type { StatusOptions } from '../status.ts'
import { type Done, duration, number, pathsOf, portsOf, whereOf } from './shared.ts'

/** Adds the verbs that only look. */
export function addLooking(program: Command, done: Done): void {
  program
    .command('status')
    .description('services, replicas, frontends and edges, with the reason for what is not well')
    .option('-w, --watch', 'again and again, until Ctrl-C')
    .addOption(duration('--every <time>', 'between two looks of --watch').default(ms(1000), '1s'))
    .option('--json', 'as JSON; with --watch one line a look')
    .action(async (options: StatusOptions, command: Command) => {
      const { status } = await import('../status.ts')
      done(await status(await portsOf(command), options))
    })
  program
    .command('top')
    .description('the status again and again, until Ctrl-C: what is asked and how fast it is')
    .addOption(duration('--every <time>', 'between two looks').default(ms(1000), '1s'))
    .action(async ({ every }: Pick<StatusOptions, 'every'>, command: Command) => {
      const { status } = await import('../status.ts')
      done(await status(await portsOf(command), { every, watch: true }))
    })
  program
    .command('events')
    .description('what happened, by which rule, and why')
    .option('-f, --follow', 'go on with what happens from now on')
    .addOption(number('-n, --last <count>', 'how many to begin with').default(50))
    .option('--json', 'as lines of JSON')
    .action(async (options: EventsOptions, command: Command) => {
      const [{ events }, { readTail }, { journal }, ports] = await Promise.all([
        import('../events.ts'),
        import('../../agent/journal.ts'),
        pathsOf(whereOf(command)),
        portsOf(command),
      ])
      done(await events(ports, options, () => readTail(journal)))
    })
  program
    .command('why')
    .argument('<thing>', 'a service, replica, server, frontend, database or member')
    .description('why it is as it is, and the command that would help')
    .option('--json', 'as JSON')
    .action(async (thing: string, options: { readonly json?: boolean }, command: Command) => {
      const { why } = await import('../why.ts')
      done(await why(await portsOf(command), thing, options))
    })
  program
    .command('logs')
    .argument('<service|replica>')
    .description('what its replicas said on stdout and stderr, also while no agent runs')
    .option('-f, --follow', 'go on with what they say from now on')
    .addOption(number('-n, --lines <count>', 'of each replica, to begin with').default(100))
    .action(async (subject: string, options: LogsOptions, command: Command) => {
      const [{ logs }, { folder }, ports] = await Promise.all([
        import('../logs.ts'),
        pathsOf(whereOf(command)),
        portsOf(command),
      ])
      done(await logs(ports, folder, subject, options))
    })
}
