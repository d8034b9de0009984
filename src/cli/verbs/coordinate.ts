// The verbs about what machines agree through: what each may be told, and where its code is.

import type { Command } from 'commander'
import type { CoordinatorCommand } from '../coordinator.ts'
import { exit } from '../exit.ts'
import type { InitCommand } from '../init.ts'
import type { MachineOptions } from '../machine.ts'
import { type Done, duration, number, portsOf, whereOf } from './shared.ts'

/** Adds the verbs about what machines agree through. */
export function addCoordinating(program: Command, done: Done): void {
  program
    .command('init')
    .argument('[file]', 'the file that names the machines')
    .description('make the keys of a cluster: its secret, its authority, a file for each machine')
    .option('--machines <list>', 'instead of those of the file: a=10.0.0.11,b=10.0.0.12')
    .option('--keys <folder>', 'where they are, instead of `keys` beside the file')
    .option('--renew', 'new certificates, also for machines that have theirs')
    .action(async (file: string | undefined, options: InitCommand, command: Command) => {
      const [{ init }, { readFile }, { rightSpec }, ports] = await Promise.all([
        import('../init.ts'),
        import('../reading.ts'),
        import('../check.ts'),
        portsOf(command, file),
      ])
      const where = whereOf(command, file)
      if (options.machines !== undefined && where.file === undefined) {
        return done(await init(ports, undefined, options))
      }
      const read = await readFile(where)
      const spec = rightSpec(ports, read)
      if (spec === undefined) return done(exit.bad)
      done(await init(ports, { path: read.path, spec }, options))
    })
  const machine = program
    .command('machine')
    .description('have one of several machines run nothing, or its part again')
  machine
    .command('drain')
    .argument('<machine>', 'by its name in the file')
    .description('move everything it runs to the others, then it can be taken down')
    .option('--force', 'also the last one that could run anything')
    .option('-w, --wait', 'until nothing runs on it')
    .addOption(duration('--within <time>', 'how long to wait at most'))
    .action(async (name: string, options: MachineOptions, command: Command) => {
      const { drainMachine } = await import('../machine.ts')
      done(await drainMachine(await portsOf(command), name, options))
    })
  machine
    .command('undrain')
    .alias('ready')
    .argument('<machine>')
    .description('let it run its part again')
    .action(async (name: string, _options: object, command: Command) => {
      const { undrainMachine } = await import('../machine.ts')
      done(await undrainMachine(await portsOf(command), name))
    })
  program
    .command('coordinator')
    .description('a ZooKeeper server for development and tests, in this terminal')
    .option('--bind <address>', 'where it listens', '127.0.0.1:2181')
    .option('--data <folder>', 'where it keeps what it is told', '.alwayson/coordinator')
    .option('--memory <size>', 'the most that all nodes may take', '256MiB')
    .option('--node <size>', 'the most that the data of one node may take', '1048575B')
    .addOption(number('--connections <count>', 'the most at once').default(12_000))
    .addOption(number('--sessions <count>', 'the most at once').default(100_000))
    .option('--words <list>', 'the four-letter words that are answered, instead of all')
    .option('--tls-cert <file>', 'speak TLS with this certificate, in PEM')
    .option('--tls-key <file>', 'and its key')
    .option('--tls-ca <file>', 'and only with who has a certificate of this authority')
    .action(async (options: CoordinatorCommand, command: Command) => {
      const { coordinator } = await import('../coordinator.ts')
      done(await coordinator(await portsOf(command), options))
    })
}
