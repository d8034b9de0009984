// One edge process as its agent holds it: how it is started, what it last said, how it is ended.

import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { type Link, openLink } from '../../../control/link.ts'
import {
  entryBeside,
  identify,
  isAlive,
  type ProcessIdentity,
  signalProcess,
} from '../../../control/processes.ts'
import { Fault } from '../../../foundation/fault.ts'
import { type Clock, type Milliseconds, ms, sleep } from '../../../foundation/time.ts'
import type { EdgeReport, EdgeSecrets } from '../../model.ts'
import { type EdgeFiles, removeFiles, writeRecord } from './edge-files.ts'
import {
  type AgentMessage,
  type EdgeMessage,
  edgeArguments,
  edgeNodeFlags,
  edgeProtocol,
} from './protocol.ts'

/**
 * Starts an edge that outlives this process, and keeps who it is. It has not said a word yet. A
 * successor waits for the listeners of the edge before it.
 */
export function spawnEdge(
  edge: number,
  files: EdgeFiles,
  logPath: string,
  isSuccessor: boolean,
): ProcessIdentity {
  const log = openSync(logPath, 'a', 0o600)
  try {
    const entry = entryBeside(import.meta.url, './main')
    const args = edgeArguments(edge, files.socket, isSuccessor ? files.handOver : undefined)
    const child = spawn(process.execPath, [...edgeNodeFlags, entry, ...args], {
      detached: true,
      stdio: ['ignore', log, log],
    })
    // A child that cannot be started has no id, and says so once more as an event.
    child.on('error', () => {})
    child.unref()
    const identity = child.pid === undefined ? undefined : identify(child.pid)
    if (identity === undefined) throw new Fault('failed', `cannot start edge ${edge}`)
    writeRecord(files, identity)
    return identity
  } finally {
    closeSync(log)
  }
}

/** What the owner of an edge hears. */
export interface EdgeListener {
  message(edge: EdgeLink, message: EdgeMessage): void
  /** The process is gone, or nothing can be said to it any more. */
  ended(edge: EdgeLink): void
}

/** One edge process: linked as soon as it listens, known by what it said since. */
export class EdgeLink {
  readonly edge: number
  readonly files: EdgeFiles
  readonly identity: ProcessIdentity
  readonly #clock: Clock
  readonly #listener: EdgeListener
  #link: Link<AgentMessage> | undefined
  #unsent: AgentMessage[] = []
  #unanswered = 0
  #version: string | undefined
  #protocol = edgeProtocol
  #table = 0
  #entrusting = 0
  #report: EdgeReport | undefined
  #stopping = false
  #handingOver = false
  #waitIsOver = false
  #ended = false

  constructor(
    edge: number,
    files: EdgeFiles,
    identity: ProcessIdentity,
    clock: Clock,
    listener: EdgeListener,
  ) {
    this.edge = edge
    this.files = files
    this.identity = identity
    this.#clock = clock
    this.#listener = listener
    void this.#open()
  }

  /** The version it was started from; `undefined` until it has said hello. */
  get version(): string | undefined {
    return this.#version
  }

  get report(): EdgeReport | undefined {
    return this.#report
  }

  /**
   * How often it was asked since it last said something. Not how long ago that was: time passes for
   * an agent that is frozen, or whose machine sleeps, although nobody was asked meanwhile.
   */
  get unanswered(): number {
    return this.#unanswered
  }

  get stopping(): boolean {
    return this.#stopping
  }

  /** It has said that it routes by a table. */
  get routing(): boolean {
    return this.#table > 0 && !this.#stopping && !this.#ended
  }

  /** It has said hello. */
  get greeted(): boolean {
    return this.#version !== undefined
  }

  /** It has said hello, and waits for the listeners of the edge before it. */
  get waits(): boolean {
    return this.greeted && !this.#waitIsOver && existsSync(this.files.handOver)
  }

  /** It routes, and waits for nobody's listeners. */
  get listens(): boolean {
    return this.routing && !this.waits
  }

  /** It has been asked to hand its listeners over, and has not said that it cannot. */
  get handingOver(): boolean {
    return this.#handingOver
  }

  /** Whether this version can talk to it at all. */
  get understood(): boolean {
    return this.#protocol === edgeProtocol
  }

  /** It has not said yet that it has taken what it was last entrusted with. */
  get entrusting(): boolean {
    return this.#entrusting > 0 && !this.#ended
  }

  /** Gives it secrets. */
  entrust(secrets: EdgeSecrets): void {
    this.#entrusting += 1
    this.send({ kind: 'secrets', secrets })
  }

  /** Says something, as soon as it listens. */
  send(message: AgentMessage): void {
    if (message.kind === 'stop') this.#stopping = true
    if (this.#link === undefined) this.#unsent.push(message)
    else this.#link.send(message)
  }

  /** Asks it to give its listeners to the successor that waits for them, and to end `within`. */
  handOver(successor: EdgeLink, within: Milliseconds): void {
    this.#handingOver = true
    this.send({ kind: 'hand-over', to: successor.files.handOver, within })
  }

  /** Nobody gives it listeners any more: it opens its addresses itself, and at once. */
  endWaiting(): void {
    this.#waitIsOver = true
    const visit = connect(this.files.handOver, () => visit.destroy())
    // Then it waits there no more.
    visit.on('error', () => undefined)
  }

  /** Asks it how it is. */
  ask(): void {
    this.#unanswered += 1
    this.send({ kind: 'report' })
  }

  /** Asks it to stop as any process is asked: it finishes what it has. */
  terminate(): void {
    this.#stopping = true
    signalProcess(this.identity, 'SIGTERM')
  }

  /** Ends this very process, whatever it is doing. */
  kill(): void {
    this.#stopping = true
    signalProcess(this.identity, 'SIGKILL')
  }

  /** Lets go of it and leaves it running. */
  leave(): void {
    this.#ended = true
    this.#link?.close()
  }

  async #open(): Promise<void> {
    while (!this.#ended) {
      if (!isAlive(this.identity)) return this.#end()
      // A process that has just been started needs a moment before it listens.
      if (!existsSync(this.files.socket)) {
        await sleep(this.#clock, ms(4))
        continue
      }
      try {
        this.#link = await openLink<AgentMessage, EdgeMessage>(this.files.socket, {
          message: (message) => this.#hear(message),
          ended: () => this.#end(),
        })
        for (const message of this.#unsent.splice(0)) this.#link.send(message)
        return
      } catch {
        await sleep(this.#clock, ms(4))
      }
    }
  }

  #hear(message: EdgeMessage): void {
    this.#unanswered = 0
    if (message.kind === 'hello') {
      this.#version = message.version
      this.#protocol = message.protocol
      this.#table = message.table
    } else if (message.kind === 'entrusted') {
      this.#entrusting -= 1
    } else if (message.kind === 'routing') {
      this.#table = message.table
    } else if (message.kind === 'report') {
      this.#report = message.report
    } else if (message.kind === 'handed-over') {
      this.#stopping = true
    } else if (message.kind === 'hand-over-failed') {
      this.#handingOver = false
    }
    this.#listener.message(this, message)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    // A link that broke under a living process is a mistake of ours: it must not go on unled.
    signalProcess(this.identity, 'SIGKILL')
    removeFiles(this.files)
    this.#listener.ended(this)
  }
}
