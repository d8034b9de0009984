// An edge over real sockets, a raw origin behind it and raw clients before it: the stage on which
// each requirement is proved.

import assert from 'node:assert/strict'
import type { Transport } from '../../../src/balancing/engines/native/transport/transport.ts'
import {
  EdgeBed,
  get,
  Origin,
  type Peer,
  post,
  type TableWish,
  until,
} from '../../support/edge-bed.ts'

/** How a transport is opened; told of what it got wrong. */
export type OpenTransport = (faulted: (thrown: unknown) => void) => Transport

/** A request that has come to the origin whole, as far as its head. */
export interface Asked {
  readonly client: Peer
  readonly upstream: Peer
  /** As the origin got it. */
  readonly head: string
}

/** What must, or with `not` must not, stand in a text. */
export type Mark = string | RegExp | { readonly not: string | RegExp }

const holds = (text: string, mark: string | RegExp): boolean =>
  typeof mark === 'string' ? text.includes(mark) : mark.test(text)

/** Fails unless `text` bears every mark. */
export function bears(text: string, marks: readonly Mark[]): void {
  for (const mark of marks) {
    const isNot = typeof mark === 'object' && 'not' in mark
    const sought = isNot ? mark.not : mark
    const told = `${JSON.stringify(text)} ${isNot ? 'bears' : 'does not bear'} ${sought}`
    assert.equal(holds(text, sought), !isNot, told)
  }
}

/** See the first line. */
export class Scene implements AsyncDisposable {
  readonly bed: EdgeBed
  readonly #origins: readonly Origin[]

  private constructor(bed: EdgeBed, origins: readonly Origin[]) {
    this.bed = bed
    this.#origins = origins
  }

  /** An edge before `servers` origins, all of which are played by hand. */
  static async open(transport: OpenTransport, wish: TableWish, servers: number): Promise<Scene> {
    const names = Array.from({ length: servers }, (_, index) => `s${index}`)
    const origins = await Promise.all(names.map((name) => Origin.open(name, () => undefined)))
    const scene = new Scene(new EdgeBed(transport), origins)
    await scene.bed.apply(
      origins.map((origin) => origin.row()),
      wish,
    )
    return scene
  }

  /** Every connection that came to an origin. */
  get upstreams(): readonly Peer[] {
    return this.#origins.flatMap((origin) => origin.peers)
  }

  /** The connection over which the next head has come whole. */
  async next(): Promise<Peer> {
    const whole = (): Peer | undefined =>
      this.upstreams.find((peer) => peer.received.includes('\r\n\r\n'))
    await until('a request at the origin', () => whole() !== undefined)
    return whole() as Peer
  }

  client(): Promise<Peer> {
    return this.bed.client()
  }

  /** Sends a request, on a connection of its own or on `given`; resolves when its head is there. */
  async asks(request = get(), given?: Peer): Promise<Asked> {
    const client = given ?? (await this.client())
    client.send(request)
    const upstream = await this.next()
    return { client, upstream, head: await upstream.take('\r\n\r\n') }
  }

  /** The request goes up, and what goes up bears the marks. */
  async goesUp(request: string, ...marks: readonly Mark[]): Promise<Asked> {
    const asked = await this.asks(request)
    bears(asked.head, marks)
    return asked
  }

  /** The answer to `request` comes down, and its head bears the marks. */
  async comesDown(
    answer: string,
    request: string,
    ...marks: readonly Mark[]
  ): Promise<Asked & { readonly got: string }> {
    const asked = await this.asks(request)
    asked.upstream.send(answer)
    const got = await asked.client.take('\r\n\r\n')
    bears(got, marks)
    return { ...asked, got }
  }

  /** Refuses the request with `status`, closes, and lets no byte of it through. */
  async refuses(request: string, status: number): Promise<void> {
    const client = await this.client()
    client.send(request)
    const { head } = await client.takeMessage()
    bears(head, [new RegExp(`^HTTP/1.1 ${status} `), /\r\nConnection: close\r\n/])
    await client.takeEnd()
    client.close()
    assert.deepEqual(
      this.upstreams.map((peer) => peer.received),
      this.upstreams.map(() => ''),
      `${JSON.stringify(request)} went up`,
    )
  }

  /**
   * The body of the request is at fault: 400, the end of the connection, and what has gone up of
   * it so far is seen to be cut off.
   */
  async endsBadly(request: string): Promise<void> {
    const client = await this.client()
    client.send(request)
    const { head } = await client.takeMessage()
    bears(head, [/^HTTP\/1.1 400 /, /\r\nConnection: close\r\n/])
    await client.takeEnd()
    client.close()
    for (const upstream of this.upstreams) {
      await until('the end upstream', () => upstream.ended || upstream.closed)
      const after = upstream.received.slice(upstream.received.indexOf('\r\n\r\n') + 4)
      bears(after, [{ not: /smuggled|(^|\r\n)0+\r\n([^\r]+\r\n)*\r\n/ }])
    }
  }

  /** The origin's answer is not believed: 502, and its connection is closed. */
  async distrusts(answer: string): Promise<void> {
    const { client, upstream } = await this.asks(post('x'))
    upstream.send(answer)
    const { head } = await client.takeMessage()
    bears(head, [/^HTTP\/1.1 502 /])
    await until('the end upstream', () => upstream.ended || upstream.closed)
    client.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bed[Symbol.asyncDispose]()
    for (const origin of this.#origins) await origin[Symbol.asyncDispose]()
  }
}
