// The verbs about databases: what each may be told, and where its code is.

import type { Command } from 'commander'
import { type Milliseconds, ms } from '../../foundation/time.ts'
import type { WaitOptions } from '../database-orders.ts'
import type { WorkOptions } from '../database-work.ts'
import type { DatabasesOptions } from '../databases.ts'
import { type Done, duration, portsOf } from './shared.ts'

/** Adds the verbs about databases. */
export function addDatabases(program: Command, done: Done): void {
  addLooks(program, done)
  addMoves(program, done)
  addRepairs(program, done)
  addWork(program, done)
}

function addLooks(program: Command, done: Done): void {
  program
    .command('databases')
    .argument('[database]')
    .description('primaries, replicas, how far they are behind, and the last failovers with proof')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, options: DatabasesOptions, command: Command) => {
      const { databases } = await import('../databases.ts')
      done(await databases(await portsOf(command), name, options))
    })
  program
    .command('url')
    .argument('<database>')
    .description('print how an application reaches it, with the password')
    .option('--read', 'the address that leads to replicas')
    .action(async (name: string, options: { readonly read?: boolean }, command: Command) => {
      const { url } = await import('../databases.ts')
      done(await url(await portsOf(command), name, options))
    })
}

const waits = (command: Command, within: Milliseconds, text: string): Command =>
  command
    .option('--no-wait', 'do not wait for the outcome')
    .addOption(duration('--within <time>', 'how long to wait').default(within, text))

function addMoves(program: Command, done: Done): void {
  waits(program.command('switchover'), ms(60_000), '1m')
    .argument('<database>')
    .description('make another member primary as planned: writes wait for a moment, none fails')
    .option('--to <member>', 'which one; without it the nearest')
    .action(async (name: string, options: WaitOptions & { to?: string }, command: Command) => {
      const { switchover } = await import('../database-orders.ts')
      done(await switchover(await portsOf(command), name, options))
    })
  waits(program.command('failover'), ms(60_000), '1m')
    .argument('<database>')
    .description('replace a primary that is lost')
    .option('--accept-data-loss', 'give up what members may have that are missing')
    .action(
      async (
        name: string,
        options: WaitOptions & { acceptDataLoss?: boolean },
        command: Command,
      ) => {
        const { failover } = await import('../database-orders.ts')
        done(await failover(await portsOf(command), name, options))
      },
    )
  waits(program.command('approve'), ms(60_000), '1m')
    .argument('<database>')
    .description('let a failover go on that waits for an operator')
    .action(async (name: string, options: WaitOptions, command: Command) => {
      const { approve } = await import('../database-orders.ts')
      done(await approve(await portsOf(command), name, options))
    })
  waits(program.command('promote'), ms(60_000), '1m')
    .argument('<member>')
    .description('make it primary; refused, with the reason, if that could lose a write')
    .action(async (member: string, options: WaitOptions, command: Command) => {
      const { promote } = await import('../database-orders.ts')
      done(await promote(await portsOf(command), member, options))
    })
}

function addRepairs(program: Command, done: Done): void {
  for (const verb of ['pause', 'resume'] as const) {
    program
      .command(verb)
      .argument('<database>')
      .description(verb === 'pause' ? 'decide nothing about it, whatever happens' : 'decide again')
      .action(async (name: string, _options: object, command: Command) => {
        const { setPaused } = await import('../database-orders.ts')
        done(await setPaused(await portsOf(command), name, verb === 'pause'))
      })
  }
  waits(program.command('reinit'), ms(3_600_000), '1h')
    .argument('<member>')
    .description('copy all of a replica anew; what it alone had is set aside')
    .action(async (member: string, options: WaitOptions, command: Command) => {
      const { reinit } = await import('../database-orders.ts')
      done(await reinit(await portsOf(command), member, options))
    })
}

const worksOn = (command: Command): Command =>
  command
    .argument('<database>')
    .option('--no-wait', 'do not wait for the outcome')
    .addOption(duration('--within <time>', 'how long to wait at most'))

function addWork(program: Command, done: Done): void {
  worksOn(program.command('backup'))
    .description('make a base backup now')
    .action(async (name: string, options: WorkOptions, command: Command) => {
      const { backup } = await import('../database-work.ts')
      done(await backup(await portsOf(command), name, options))
    })
  worksOn(program.command('restore'))
    .description('bring it back to what it was at a point in time')
    .requiredOption('--to <time>', '`latest`, or a time such as 2026-08-05T04:18:00')
    .option('--as <name>', 'as a new database of this name')
    .option('--in-place', 'in place of all that it has now, which is set aside')
    .action(
      async (
        name: string,
        options: WorkOptions & { to: string; as?: string; inPlace?: boolean },
        command: Command,
      ) => {
        const { restore } = await import('../database-work.ts')
        done(await restore(await portsOf(command), name, options))
      },
    )
  worksOn(program.command('verify'))
    .description('compare what the members have at one position, at low priority')
    .option('--repair', 'mend what differs, from the primary')
    .action(async (name: string, options: WorkOptions & { repair?: boolean }, command: Command) => {
      const { verify } = await import('../database-work.ts')
      done(await verify(await portsOf(command), name, options))
    })
}
