// A server of HTTP/2 for tests, that does with each stream what the test says.

import { once } from 'node:events'
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TableServer } from '../../src/balancing/model.ts'
import { serverRow } from './edge-bed.ts'

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Buffer) => void

/** Listens on a free port of loopback, without TLS. */
export class H2Origin implements AsyncDisposable {
  readonly id: string
  readonly port: number
  readonly sessions = new Set<ServerHttp2Session>()
  /** All that was asked, as `METHOD path`. */
  readonly seen: string[] = []
  readonly #server: Http2Server

  private constructor(id: string, server: Http2Server) {
    this.id = id
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** Serves each stream when its request has come whole. */
  static open(id: string, serve: Serve, options: ServerOptions = {}): Promise<H2Origin> {
    return H2Origin.openStreams(
      id,
      (stream, headers) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => serve(stream, headers, Buffer.concat(chunks)))
      },
      options,
    )
  }

  /** Serves each stream as soon as its head has come. */
  static async openStreams(
    id: string,
    serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
    options: ServerOptions = {},
  ): Promise<H2Origin> {
    const server = createServer(options).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = new H2Origin(id, server)
    server.on('session', (session) => {
      origin.sessions.add(session)
      session.on('error', () => undefined)
      session.on('close', () => origin.sessions.delete(session))
    })
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.on('error', () => undefined)
      origin.seen.push(`${headers[':method']} ${headers[':path']}`)
      serve(stream, headers)
    })
    return origin
  }

  row(differs: Partial<TableServer> = {}): TableServer {
    return { ...serverRow(this.id, this.port), ...differs }
  }

  /** As if the process had been killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
