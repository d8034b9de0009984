// What do we answer ourselves, when no server does?

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

/** How an own answer goes out. */
export interface OwnAnswer {
  readonly status: number
  /** A field line with its CRLF, or `''`. */
  readonly lines: string
  /** The answer to a HEAD: the same head without the body. */
  readonly headOnly: boolean
}

/** The answers of one door; each page is prepared once. */
export class OwnAnswers {
  readonly #pages: Readonly<Record<string, string>>
  readonly #prepared = new Map<number, { readonly head: string; readonly body: string }>()

  constructor(pages: Readonly<Record<string, string>>) {
    this.#pages = pages
  }

  /** The answer as bytes in a string; `dateLine` and the answer's own lines end with CRLF. */
  text({ status, lines, headOnly }: OwnAnswer, dateLine: string): string {
    const { head, body } = this.#prepare(status)
    return `${head}${dateLine}${lines}\r\n${headOnly ? '' : body}`
  }

  #prepare(status: number): { readonly head: string; readonly body: string } {
    const known = this.#prepared.get(status)
    if (known !== undefined) return known
    const reason = reasons[status] ?? 'Error'
    const page = this.#pages[String(status)] ?? `${status} ${reason}\n`
    const type = page.trimStart().startsWith('<') ? 'text/html' : 'text/plain'
    const body = Buffer.from(page, 'utf8').toString('latin1')
    const head =
      `HTTP/1.1 ${status} ${reason}\r\n` +
      `Content-Type: ${type}; charset=utf-8\r\n` +
      `Content-Length: ${body.length}\r\n` +
      'Cache-Control: no-store\r\n'
    const prepared = { head, body }
    this.#prepared.set(status, prepared)
    return prepared
  }
}
