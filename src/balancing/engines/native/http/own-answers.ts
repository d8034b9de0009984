// What do we answer ourselves, when no server does?

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  410: 'Gone',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  429: 'Too Many Requests',
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
  /** Instead of the page of the status. */
  readonly body?: string | undefined
}

/** The answers of one door; each page is prepared once. */
export class OwnAnswers {
  readonly #pages: Readonly<Record<string, string>>
  readonly #prepared = new Map<number, { readonly head: string; readonly body: string }>()

  constructor(pages: Readonly<Record<string, string>>) {
    this.#pages = pages
  }

  /** The answer as bytes in a string; `dateLine` and the answer's own lines end with CRLF. */
  text({ status, lines, headOnly, body: own }: OwnAnswer, dateLine: string): string {
    const { head, body } = own === undefined ? this.#prepare(status) : page(status, own)
    return `${head}${dateLine}${lines}\r\n${headOnly ? '' : body}`
  }

  #prepare(status: number): { readonly head: string; readonly body: string } {
    const known = this.#prepared.get(status)
    if (known !== undefined) return known
    const reason = reasons[status] ?? 'Error'
    const prepared = page(status, this.#pages[String(status)] ?? `${status} ${reason}\n`)
    this.#prepared.set(status, prepared)
    return prepared
  }
}

function page(status: number, text: string): { readonly head: string; readonly body: string } {
  const type = text.trimStart().startsWith('<') ? 'text/html' : 'text/plain'
  const body = Buffer.from(text, 'utf8').toString('latin1')
  const head =
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Error'}\r\n` +
    `Content-Type: ${type}; charset=utf-8\r\n` +
    `Content-Length: ${body.length}\r\n` +
    'Cache-Control: no-store\r\n'
  return { head, body }
}
