// What a simulated process says to those who connect to it: an answer for each request, in time.

import type {
  Connection,
  ConnectionOwner,
} from '../balancing/engines/native/transport/transport.ts'
import { type Milliseconds, ms } from '../foundation/time.ts'
import { latin1 } from '../wire/latin1.ts'
import { answerText, type Message, messageReader } from './http.ts'

/** The process behind a connection. */
export interface Answerer {
  /** Runs when the process next gets to run: at once, unless it is frozen. */
  whenAwake(deed: () => void): void
  /** Works on a request for so long, and says its status then; never, if it dies before. */
  work(id: number, takes: Milliseconds, done: (status: number) => void): void
  /** It was told to stop: each answer is the last on its connection. */
  readonly stopping: boolean
}

/** One connection of a process. */
export class ServerConnection implements ConnectionOwner {
  readonly #connection: Connection
  readonly #process: Answerer
  readonly #over: (connection: ServerConnection) => void
  readonly #read = messageReader()
  #working = 0

  constructor(
    connection: Connection,
    process: Answerer,
    over: (connection: ServerConnection) => void,
  ) {
    this.#connection = connection
    this.#process = process
    this.#over = over
  }

  /** Closes it unless a request is being worked on, as servers do that are told to stop. */
  closeIfIdle(): void {
    if (this.#working === 0) this.#close()
  }

  received(bytes: Buffer, end: number): void {
    const chunk = latin1(bytes, 0, end)
    this.#process.whenAwake(() => {
      for (const request of this.#read(chunk)) this.#answer(request)
    })
  }

  #answer(request: Message): void {
    const process = this.#process
    const takes = ms(Number(request.field('x-takes') ?? 0))
    this.#working += 1
    process.work(Number(request.field('x-id') ?? 0), takes, (status) => {
      this.#working -= 1
      this.#connection.write(answerText(status, process.stopping))
      if (process.stopping) this.#close()
    })
  }

  ended(): void {
    this.#close()
  }

  failed(): void {
    this.#over(this)
  }

  connected(): void {}

  drained(): void {}

  unwritable(): void {}

  #close(): void {
    this.#connection.close()
    this.#over(this)
  }
}
