// How an edge lives as a process: takes links from agents, and outlives every one of them.

import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { alone } from '../../../../control/alone.ts'
import { type Link, listenForLinks } from '../../../../control/link.ts'
import { machineDisk, openLogFile } from '../../../../control/log-file.ts'
import { identify } from '../../../../control/processes.ts'
import { describeError, Fault } from '../../../../foundation/fault.ts'
import { openRandom } from '../../../../foundation/random.ts'
import { type Clock, type Milliseconds, ms, openClock, sleep } from '../../../../foundation/time.ts'
import { type AgentMessage, type EdgeMessage, edgeProtocol, handOverPatience } from '../protocol.ts'
import { pickTransport } from '../transport/pick.ts'
import { type RawListener, RawTransport } from '../transport/raw.ts'
import type { Transport } from '../transport/transport.ts'
import type { OpenLog } from './access-log.ts'
import { Edge } from './edge.ts'
import { faultOf } from './fault-of.ts'
import { receiveListeners, sendListeners, type TakeListener } from './hand-over.ts'

/** What a signal to the process asks for: to leave, within this. */
const signalPatience = ms(60_000)
/** For the last lines to reach a disk. */
const logPatience = ms(1000)
/** For the last message to reach the agent. */
const lastWords = 50

const version = (): string => {
  const manifest = new URL('../../../../../package.json', import.meta.url)
  return String(JSON.parse(readFileSync(manifest, 'utf8')).version)
}

/** Runs until it is told to stop, and ends the process then. */
export async function runEdge(argv: readonly string[]): Promise<void> {
  const [number, socketPath, handOverPath] = argv
  const edge = Number(number)
  if (!Number.isInteger(edge) || socketPath === undefined) {
    throw new Fault('bad-usage', 'an edge needs its number and the path of its socket')
  }
  process.title = `alwayson: edge ${edge}`
  outliveTerminal()
  const links: Link<EdgeMessage>[] = []
  const tell = (message: EdgeMessage): void => {
    for (const link of links) link.send(message)
  }
  const clock = openClock()
  const openLog = logsIn(dirname(dirname(socketPath)), clock)
  const { transport, why } = await pickTransport(clock, (thrown) => tell(faultOf(edge, thrown)))
  using balancer = new Edge({ edge, transport, clock, random: openRandom(), tell, openLog })
  const end = Promise.withResolvers<void>()
  const leave = (within: Milliseconds, patient: boolean): void => {
    balancer.leave(within, patient).then(end.resolve, end.reject)
  }
  const take = takeMessages(balancer, transport, clock, tell, leave)
  if (handOverPath !== undefined && transport instanceof RawTransport)
    inherit(balancer, transport, clock, handOverPath, end.reject)
  using _server = await listenForLinks<EdgeMessage, AgentMessage>(socketPath, (link) => {
    links.push(link)
    link.send(hello(edge, balancer.table))
    if (why !== undefined) link.send(slower(edge, why))
    return {
      message: (message) => {
        if (link === links.at(-1)) take(message)
      },
      ended: () => void links.splice(links.indexOf(link), 1),
    }
  })
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => leave(signalPatience, false))
  }
  await end.promise
  tellMeters(balancer, tell)
  await Promise.race([balancer.closeLogs(), sleep(clock, logPatience)])
  // What was told last is still on its way: the links are closed when it has gone out.
  for (const link of links) link.close()
  setTimeout(() => process.exit(0), lastWords)
}

/** Logs that all edges of a machine append to; a mere name stands among the logs of the state. */
const logsIn =
  (state: string, clock: Clock): OpenLog =>
  (name, rotation, listener) => {
    const path = resolve(state, 'logs', name)
    mkdirSync(join(state, 'logs'), { recursive: true, mode: 0o700 })
    return openLogFile(path, rotation, {
      ...{ disk: machineDisk, clock, listener },
      alone: (deed) => alone(path, deed),
      lostLine: (lost, reason) => JSON.stringify({ lost, reason }),
    })
  }

/** The agent's terminal and pipes may go; nothing of that is news to an edge. */
function outliveTerminal(): void {
  process.on('SIGHUP', () => undefined)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}

const hello = (edge: number, table: number): EdgeMessage => ({
  kind: 'hello',
  edge,
  pid: process.pid,
  startTicks: identify(process.pid)?.startTicks ?? 0,
  version: version(),
  protocol: edgeProtocol,
  table,
})

const slower = (edge: number, why: string): EdgeMessage => ({
  kind: 'event',
  rule: 'raw-transport-unfit',
  subject: `edge-${edge}`,
  why: `${why}: it works on public sockets, and slower`,
  seen: { node: process.version },
})

const tellMeters = (balancer: Edge, tell: (message: EdgeMessage) => void): void =>
  tell({ kind: 'meters', meters: balancer.meters() })

function takeMessages(
  balancer: Edge,
  transport: Transport,
  clock: Clock,
  tell: (message: EdgeMessage) => void,
  leave: (within: Milliseconds, patient: boolean) => void,
): (message: AgentMessage) => void {
  const handOver = async (path: string, within: Milliseconds): Promise<void> => {
    const listeners = transport instanceof RawTransport ? balancer.listeners : []
    try {
      // Public sockets cannot be given away: the successor has opened its own beside them.
      if (transport instanceof RawTransport) {
        const raw = listeners as readonly RawListener[]
        await sendListeners(transport.bindings, clock, path, raw, handOverPatience)
      }
      tell({ kind: 'handed-over', listeners: listeners.length })
      leave(within, true)
    } catch (thrown) {
      tell({ kind: 'hand-over-failed', why: describeError(thrown) })
    }
  }
  return (message) => {
    switch (message.kind) {
      case 'table':
        return void balancer.apply(message.table)
      case 'secrets':
        balancer.entrust(message.secrets)
        return tell({ kind: 'entrusted' })
      case 'spent':
        return balancer.owe(message.spent)
      case 'report':
        tell({ kind: 'report', report: balancer.report() })
        return tellMeters(balancer, tell)
      case 'stop':
        return leave(message.within, false)
      case 'hand-over':
        return void handOver(message.to, message.within)
    }
  }
}

/** Takes over from the edge before this one; opens the addresses itself when that never comes. */
function inherit(
  balancer: Edge,
  transport: RawTransport,
  clock: Clock,
  path: string,
  failed: (thrown: unknown) => void,
): void {
  balancer.expectListeners()
  const take: TakeListener = (bind, handle) =>
    balancer.inherit(
      bind,
      (accept) => transport.adopt(bind, handle, accept),
      () => handle.close(),
    )
  receiveListeners(transport.bindings, clock, path, take, handOverPatience).then(
    () => balancer.listenersReceived(),
    failed,
  )
}
