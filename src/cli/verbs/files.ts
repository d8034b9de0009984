// The verbs that work on files: what each may be told, and where its code is.

import type { Command } from 'commander'
import { ms } from '../../foundation/time.ts'
import type { ApplyOptions } from '../apply.ts'
import { exit } from '../exit.ts'
import type { ImportOptions } from '../import.ts'
import { type Done, duration, number, portsOf, whereOf } from './shared.ts'

/** Adds the verbs that work on files. */
export function addFiles(program: Command, done: Done): void {
  program
    .command('check')
    .argument('[file]', 'the file to look at')
    .description('say all that is wrong with the file; touches nothing that runs')
    .option('--json', 'as JSON')
    .action(async (file: string | undefined, options: { json?: boolean }, command: Command) => {
      const [{ check }, { readFile }, ports] = await Promise.all([
        import('../check.ts'),
        import('../reading.ts'),
        portsOf(command, file),
      ])
      done(check(ports, await readFile(whereOf(command, file)), options))
    })
  program
    .command('apply')
    .argument('[file]', 'the file to make true')
    .description('make the changed file true; what has not changed is not touched')
    .option('-n, --dry-run', 'say what differs and what would be done, and do nothing')
    .option('--no-wait', 'do not wait for the outcome')
    .addOption(
      number('--over <version>', 'of several machines: replace a version applied elsewhere'),
    )
    .addOption(duration('--within <time>', 'how long to wait').default(ms(600_000), '10m'))
    .action(async (file: string | undefined, options: ApplyOptions, command: Command) => {
      const [{ apply }, { readFile }, { rightSpec }, ports] = await Promise.all([
        import('../apply.ts'),
        import('../reading.ts'),
        import('../check.ts'),
        portsOf(command, file),
      ])
      const read = await readFile(whereOf(command, file))
      if (rightSpec(ports, read) === undefined) return done(exit.bad)
      const { path, text, env } = read
      done(await apply(ports, { path, text, env }, options))
    })
  program
    .command('file')
    .description('print the file that is in force, as all machines share it')
    .action(async (_options: object, command: Command) => {
      const { file } = await import('../file.ts')
      done(await file(await portsOf(command)))
    })
  program
    .command('import')
    .argument('<haproxy.cfg>', 'a configuration of HAProxy')
    .description('write the alwayson.yaml that does the same, and list what it does not')
    .option('-o, --output <file>', 'write to this file instead of stdout')
    .option('--force', 'replace a file that is there')
    .action(async (from: string, options: ImportOptions, command: Command) => {
      const [{ importFile }, ports] = await Promise.all([import('../import.ts'), portsOf(command)])
      done(await importFile(ports, from, options))
    })
  program
    .command('unit')
    .argument('[file]', 'the file that the unit keeps up')
    .description('print a systemd unit that keeps the agent of this file running')
    .action(async (file: string | undefined, _options: object, command: Command) => {
      const [{ unit }, ports] = await Promise.all([
        import('../unit-machine.ts'),
        portsOf(command, file),
      ])
      done(await unit(ports, whereOf(command, file)))
    })
  program
    .command('schema')
    .description('print the JSON Schema of alwayson.yaml, for editors')
    .action(async (_options: object, command: Command) => {
      const [{ schema }, ports] = await Promise.all([import('../schema.ts'), portsOf(command)])
      done(schema(ports))
    })
}
