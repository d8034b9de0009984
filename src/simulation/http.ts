// Just enough HTTP/1.1 for simulated clients and servers: heads, and bodies of a stated length.

/** A message that has come whole. */
export interface Message {
  /** `GET / HTTP/1.1`, or `HTTP/1.1 200 OK`. */
  readonly start: string
  readonly field: (name: string) => string | undefined
}

/** Cuts a stream into messages: feed it chunks, it returns those that each completes. */
export function messageReader(): (chunk: string) => readonly Message[] {
  let text = ''
  return (chunk) => {
    text += chunk
    const messages: Message[] = []
    for (;;) {
      const end = text.indexOf('\r\n\r\n')
      if (end === -1) return messages
      const head = text.slice(0, end)
      const field = (name: string): string | undefined =>
        new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1]
      const length = Number(field('content-length') ?? 0)
      if (text.length < end + 4 + length) return messages
      messages.push({ start: head.slice(0, head.indexOf('\r\n')), field })
      text = text.slice(end + 4 + length)
    }
  }
}

/** The status of an answer. */
export const statusOf = (answer: Message): number => Number(answer.start.split(' ')[1])

/** An answer of a simulated server. */
export function answerText(status: number, last: boolean): string {
  const close = last ? 'Connection: close\r\n' : ''
  return `HTTP/1.1 ${status} Simulated\r\n${close}Content-Length: 2\r\n\r\nok`
}

/** A request of a simulated client; a server takes `takes` milliseconds for it. */
export const requestText = (id: number, takes: number, idempotent: boolean): string =>
  `${idempotent ? 'GET' : 'POST'} /${id} HTTP/1.1\r\nHost: simulated\r\nX-Id: ${id}\r\n` +
  `X-Takes: ${takes}\r\n${idempotent ? '\r\n' : 'Content-Length: 4\r\n\r\nbody'}`
