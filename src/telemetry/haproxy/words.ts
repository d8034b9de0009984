// What is said over HAProxy's socket, and what is answered? Its runtime words, as far as we do what
// they ask, with its answers; the deeds are handed in.

import { describeError, Fault } from '../../foundation/fault.ts'
import type { Scene } from '../model.ts'
import { infoText } from './info.ts'
import { type Row, rowsOf } from './rows.ts'
import { changeServer, findServer, type ServerDeeds } from './server-words.ts'
import { serversConn, serversState } from './servers.ts'
import { type StatForm, statText } from './stat.ts'

/** What words may change. Each may throw a Fault, whose message is the answer. */
export interface Deeds extends ServerDeeds {
  limitFrontend(name: string, most: number): void
}

/** An answer, without the newline that the socket puts behind it. */
export type Answer = string

interface Context {
  readonly scene: Scene
  readonly deeds: Deeds
}

/** One command: the words that it begins with, and what is done with those after them. */
interface Word {
  readonly words: string
  readonly usage: string
  readonly help: string
  readonly answer: (rest: readonly string[], context: Context) => Answer
}

const commands: readonly Word[] = [
  {
    words: 'disable server',
    usage: 'disable server <bk>/<srv>',
    help: 'take a server out of service for maintenance',
    answer: ([server], { scene, deeds }) =>
      findServer(scene, server, ({ id }) => done(deeds.tell(id, 'maint'))),
  },
  {
    words: 'enable server',
    usage: 'enable server <bk>/<srv>',
    help: 'end the maintenance of a server',
    answer: ([server], { scene, deeds }) =>
      findServer(scene, server, ({ id, told }) =>
        done(told === 'maint' && deeds.tell(id, 'ready')),
      ),
  },
  {
    words: 'get weight',
    usage: 'get weight <bk>/<srv>',
    help: "report a server's current weight",
    answer: ([server], { scene }) =>
      findServer(scene, server, ({ weight, weightInFile }) => {
        return `${Math.round(weight)} (initial ${weightInFile})\n`
      }),
  },
  {
    words: 'set maxconn frontend',
    usage: 'set maxconn frontend <frontend> <value>',
    help: "change a frontend's maxconn setting",
    answer: limitFrontend,
  },
  {
    words: 'set maxconn server',
    usage: 'set maxconn server <bk>/<srv> <value>',
    help: "change a server's maxconn setting",
    answer: ([server, most], { scene, deeds }) =>
      findServer(scene, server, ({ id }) => {
        if (most === undefined) return 'Require <maxconn>.\n'
        if (!/^\d+$/.test(most)) return 'maxconn string empty or preceded by garbage'
        return done(deeds.limit(id, Number(most)))
      }),
  },
  {
    words: 'set server',
    usage: 'set server <bk>/<srv> [opts]',
    help: "change a server's state, weight or address",
    answer: (rest, { scene, deeds }) => changeServer(rest, scene, deeds),
  },
  {
    words: 'set weight',
    usage: 'set weight <bk>/<srv>',
    help: "change a server's weight",
    answer: ([server = '', weight], { scene, deeds }) =>
      changeServer([server, 'weight', ...(weight === undefined ? [] : [weight])], scene, deeds),
  },
  {
    words: 'show backend',
    usage: 'show backend',
    help: 'list backends in the current running config',
    answer: (_, { scene }) => `# name\n${scene.services.map(({ name }) => `${name}\n`).join('')}`,
  },
  {
    words: 'show errors',
    usage: 'show errors',
    help: 'report last request and response errors for each proxy',
    answer: (_, { scene }) => `Total events captured on [${clockText(scene.now)}] : 0\n`,
  },
  {
    words: 'show info',
    usage: 'show info [typed|json]*',
    help: 'report information about the running process',
    answer: (rest, { scene }) =>
      infoText(scene, rest.includes('json') ? 'json' : rest.includes('typed') ? 'typed' : 'plain'),
  },
  {
    words: 'show servers conn',
    usage: 'show servers conn [<backend>]',
    help: 'dump server connections status (all or for a single backend)',
    answer: ([name], { scene }) => serversConn(scene, name) ?? "Can't find backend.\n",
  },
  {
    words: 'show servers state',
    usage: 'show servers state [<backend>]',
    help: 'dump volatile server information (all or for a single backend)',
    answer: ([name], { scene }) => serversState(scene, name) ?? "Can't find backend.\n",
  },
  {
    words: 'show stat',
    usage: 'show stat [json|no-maint|typed|up]*',
    help: 'report counters for each proxy and server',
    answer: showStat,
  },
  {
    words: 'show version',
    usage: 'show version',
    help: 'show version of the current process',
    answer: (_, { scene }) => `${scene.version}\n`,
  },
]

/** Where nothing is to be said. */
const done = (_: unknown): Answer => ''

function limitFrontend(rest: readonly string[], { scene, deeds }: Context): Answer {
  const [name, most] = rest
  const frontend = scene.frontends.find((one) => one.name === name)
  if (frontend === undefined) return 'No such frontend.\n'
  if (most === undefined || !/^\d+$/.test(most)) return 'Integer value expected.\n'
  if (Number(most) < 1) return 'Value out of range.\n'
  return done(deeds.limitFrontend(frontend.name, Number(most)))
}

/** `show stat [<proxy> <type> <sid>] [words]`; -1 stands for all. */
function showStat(rest: readonly string[], { scene }: Context): Answer {
  const words = rest.filter((word) => ['json', 'typed', 'no-maint', 'up'].includes(word))
  const [proxy, mask, sid] = rest.filter((word) => !words.includes(word))
  const isMeant = ({ pxname, iid, type, sid: own, status }: Row): boolean =>
    (proxy === undefined || proxy === '-1' || proxy === pxname || proxy === String(iid)) &&
    (mask === undefined || (Number(mask) & (1 << Number(type))) !== 0) &&
    (sid === undefined || sid === '-1' || Number(sid) === own) &&
    !(words.includes('no-maint') && status === 'MAINT') &&
    !(words.includes('up') && !/^(UP|OPEN|no check)/.test(String(status)))
  const form: StatForm = words.includes('json') ? 'json' : words.includes('typed') ? 'typed' : 'csv'
  const text = statText(rowsOf(scene).filter(isMeant), form)
  return form === 'json' ? `${text}\n` : text
}

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** `22/Nov/2026:21:45:27.466`, in universal time. */
function clockText(at: number): string {
  const [date = '', time = ''] = new Date(at).toISOString().replace('Z', '').split('T')
  const [year, month, day] = date.split('-')
  return `${day}/${months[Number(month) - 1]}/${year}:${time}`
}

const own = ['help [<command>]', 'prompt', 'quit'].map((usage) => ({ usage }))
const ownHelp = [
  'list matching or all commands',
  'toggle interactive mode with prompt',
  'disconnect',
]

function helpLines(those: readonly Word[]): string {
  const all = [...those, ...own.map(({ usage }, at) => ({ usage, help: ownHelp[at] }))]
  return all.map(({ usage, help }) => `  ${usage.padEnd(40)}: ${help}\n`).join('')
}

/** The answer to one command; `quit` and `prompt` are the socket's to know. */
export function answerTo(line: string, context: Context): Answer {
  const words = line.trim().split(/\s+/)
  if (words[0] === 'help' || words[0] === '') {
    const asked = words.slice(1).join(' ')
    const matching = commands.filter((command) => command.words.startsWith(asked))
    return `The following commands are valid at this level:\n${helpLines(matching)}`
  }
  const said = words.join(' ')
  const command = commands.find((one) => `${said} `.startsWith(`${one.words} `))
  if (command === undefined) {
    const near = commands.filter((one) => one.words.split(' ')[0] === words[0])
    const lines = helpLines(near.length > 0 ? near : commands)
    return `Unknown command, but maybe one of the following ones is a better match:\n${lines}`
  }
  try {
    return command.answer(words.slice(command.words.split(' ').length), context)
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return `${describeError(thrown)}\n`
  }
}
