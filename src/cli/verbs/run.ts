// The verbs that begin and end: what each may be told, and where its code is.

import { type Command, Option } from 'commander'
import { type Milliseconds, ms } from '../../foundation/time.ts'
import type { DownOptions } from '../down.ts'
import { type Done, duration, pathsOf, portsOf, whereOf } from './shared.ts'

interface UpOptions {
  readonly detach?: boolean
  readonly within: Milliseconds
  readonly report?: boolean
  /** Which of several machines this is. */
  readonly machine?: string
}

const fileArgument = 'an alwayson.yaml or a haproxy.cfg; the one in this folder if left out'

/** Adds the verbs that begin and end. */
export function addRunning(program: Command, done: Done): void {
  program
    .command('up')
    .argument('[file]', fileArgument)
    .description('keep up what the file says, in this terminal; Ctrl-C ends it in order')
    .option('-d, --detach', 'in the background; returns when everything is up')
    .addOption(
      duration('--within <time>', 'for --detach: how long to wait').default(ms(60_000), '1m'),
    )
    .option('--machine <name>', 'which of the machines in the file this one is')
    .addOption(new Option('--report', 'tell the parent process how it went').hideHelp())
    .action(async (file: string | undefined, options: UpOptions, command: Command) => {
      const where = whereOf(command, file)
      const ports = await portsOf(command, file)
      if (options.detach) {
        const { upDetached } = await import('../detach.ts')
        done(await upDetached(ports, where, options))
      } else {
        const { up } = await import('../up.ts')
        const { report = false, machine } = options
        done(await up(ports, where, { report, machine }))
      }
    })
  program
    .command('down')
    .argument('[file]', fileArgument)
    .description('end everything in order, also what a dead agent left running')
    .option('--agent-only', 'the agent alone: what it keeps up goes on')
    .option('--everywhere', 'on all machines that the file names')
    .action(async (file: string | undefined, options: DownOptions, command: Command) => {
      const [{ down }, { downMachine }, paths, ports] = await Promise.all([
        import('../down.ts'),
        import('../agent-machine.ts'),
        pathsOf(whereOf(command, file)),
        portsOf(command, file),
      ])
      done(await down(ports, paths, downMachine(paths), options))
    })
}
