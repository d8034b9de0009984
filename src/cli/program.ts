// Which verb is meant, and with what options? Each verb's own code is loaded when it is called.

import { setImmediate as turn } from 'node:timers/promises'
import { Command, CommanderError, Option } from 'commander'
import { version } from '../agent/version.ts'
import { Fault } from '../foundation/fault.ts'
import { complain } from './complain.ts'
import { type ExitCode, exit, exitOf } from './exit.ts'
import { openScreen } from './screens.ts'
import { usageFault } from './usage.ts'
import { addVerbs } from './verbs/all.ts'

const examples = `
Examples:
  alwayson up                        start what alwayson.yaml says, in this terminal
  alwayson up --detach shop.yaml     start it, see it up, and have the terminal back
  alwayson status --watch            how everything is, again and again
  alwayson why web-2                 what holds it back, and what would help
  alwayson deploy web                exchange its replicas; roll back if they fail
  alwayson apply                     make the changed file true, touching nothing else
  alwayson import haproxy.cfg        an alwayson.yaml that does what haproxy.cfg does

Exit codes: 0 done, 1 failed or rolled back, 2 bad file or usage, 3 no agent running,
130 no longer waiting (Ctrl-C), what was asked for goes on; of up, 10: ended by down.
`

/** Runs one command line, without the program's own name, and says how it ended. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  const err = openScreen(process.stderr)
  let code: ExitCode = exit.done
  const program = newProgram()
  addVerbs(program, (done) => {
    code = done
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    // What is written to a file is in it, or refused, by the next turn.
    await turn()
    const { lost } = openScreen(process.stdout)
    if (lost !== undefined) throw new Fault('failed', 'what it says is lost', { cause: lost })
    return code
  } catch (thrown) {
    const verb = program.commands.find((command) => argv.includes(command.name()))
    const fault =
      thrown instanceof CommanderError ? usageFault(thrown, verb?.name()) : (thrown as unknown)
    if (fault === undefined) return exit.done
    if (isInterruption(fault)) return exit.interrupted
    complain(err, fault)
    return exitOf(fault)
  }
}

function newProgram(): Command {
  const out = openScreen(process.stdout)
  return new Command('alwayson')
    .description('One file says what has to stay up; alwayson up keeps it up.')
    .version(version, '-V, --version')
    .addOption(new Option('--file <path>', 'the file that says what has to stay up'))
    .addOption(
      new Option('--state <folder>', 'where its state lives, instead of .alwayson beside it').env(
        'ALWAYSON_STATE',
      ),
    )
    .helpCommand('help [verb]', 'what a verb may be told')
    .usage('[options] <verb>')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      // What is wrong with a command line is told by the caller, in the form of every failure.
      writeErr: () => {},
    })
    .addHelpText('after', examples)
}

/** Ctrl-C while something was waited for: nothing failed. */
const isInterruption = (thrown: unknown): boolean =>
  (thrown as { readonly name?: unknown } | null)?.name === 'AbortError'
