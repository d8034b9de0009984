// How an edge lives as a process: takes links from agents, and outlives every one of them.

import { readFileSync } from 'node:fs'
import { type Link, listenForLinks } from '../../../control/link.ts'
import { identify } from '../../../control/processes.ts'
import { describeError, Fault } from '../../../foundation/fault.ts'
import { openRandom } from '../../../foundation/random.ts'
import { type Milliseconds, ms, openClock } from '../../../foundation/time.ts'
import { Edge } from './edge.ts'
import { type AgentMessage, type EdgeMessage, edgeProtocol } from './protocol.ts'
import { RawTransport } from './transport-raw.ts'

/** What a signal to the process asks for: to leave, within this. */
const signalPatience = ms(10_000)

const version = (): string => {
  const manifest = new URL('../../../../package.json', import.meta.url)
  return String(JSON.parse(readFileSync(manifest, 'utf8')).version)
}

/** Runs until it is told to stop; resolves then. */
export async function runEdge(argv: readonly string[]): Promise<void> {
  const [number, socketPath] = argv
  const edge = Number(number)
  if (!Number.isInteger(edge) || socketPath === undefined) {
    throw new Fault('bad-usage', 'an edge needs its number and the path of its socket')
  }
  process.title = `alwayson: edge ${edge}`
  const links = new Set<Link<EdgeMessage>>()
  const tell = (message: EdgeMessage): void => {
    for (const link of links) link.send(message)
  }
  const transport = new RawTransport((thrown) =>
    tell({
      kind: 'event',
      rule: 'edge-fault',
      subject: `edge-${edge}`,
      why: `serving a connection failed: ${describeError(thrown)}`,
      seen: { stack: thrown instanceof Error ? thrown.stack : undefined },
    }),
  )
  using balancer = new Edge({ edge, transport, clock: openClock(), random: openRandom(), tell })
  const leave = (within: Milliseconds): Promise<void> => balancer.leave(within, false)
  await new Promise<void>((resolve, reject) => {
    const take = (message: AgentMessage): void => {
      if (message.kind === 'table') balancer.apply(message.table)
      else if (message.kind === 'report') tell({ kind: 'report', report: balancer.report() })
      else if (message.kind === 'stop') leave(message.within).then(resolve, reject)
    }
    listenForLinks<EdgeMessage, AgentMessage>(socketPath, (link) => {
      links.add(link)
      link.send({
        kind: 'hello',
        edge,
        pid: process.pid,
        startTicks: identify(process.pid)?.startTicks ?? 0,
        version: version(),
        protocol: edgeProtocol,
        table: balancer.table,
      })
      return { message: take, ended: () => links.delete(link) }
    }).catch(reject)
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => leave(signalPatience).then(resolve, reject))
    }
    process.on('SIGHUP', () => undefined)
  })
  process.exit(0)
}
