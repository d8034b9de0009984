// How does a client read a stream of answers? As plain and as slow as the reader of requests.

/** One answer as a client understood it. */
export interface Answered {
  readonly status: number
  readonly body: string
  /** It is known where it ends, and that is where it ended. */
  readonly isWhole: boolean
  /** It was written by the origin of the test, and not by the proxy before it. */
  readonly isOrigins: boolean
}

/** Says which method was answered: a client knows that of itself. */
export const methodMark = 'X-Method'

const head = /^HTTP\/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n((?:[^\r\n]*\r\n)*?)\r\n/

function chunks(text: string): { body: string; length: number; isWhole: boolean } {
  let [at, body] = [0, '']
  for (;;) {
    const line = /^([0-9a-f]+)[^\r\n]*\r\n/i.exec(text.slice(at, at + 1024))
    if (line === null) return { body, length: text.length, isWhole: false }
    const size = Number.parseInt(line[1] ?? '', 16)
    at += line[0].length
    if (size === 0) break
    body += text.slice(at, at + size)
    if (text.slice(at + size, at + size + 2) !== '\r\n') {
      return { body, length: text.length, isWhole: false }
    }
    at += size + 2
  }
  const trailers = /^(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(at))
  if (trailers === null) return { body, length: text.length, isWhole: false }
  return { body, length: at + trailers[0].length, isWhole: true }
}

/** All final answers in a stream that has ended, or not. */
export function readAnswers(text: string, hasEnded: boolean): readonly Answered[] {
  const answers: Answered[] = []
  for (let rest = text; rest !== ''; ) {
    const found = head.exec(rest)
    if (found === null) {
      answers.push({ status: 0, body: rest, isWhole: false, isOrigins: false })
      break
    }
    const status = Number(found[1])
    const fields = found[2] ?? ''
    rest = rest.slice(found[0].length)
    if (status < 200 && status !== 101) continue
    const isOrigins = new RegExp(`^${methodMark}:`, 'im').test(fields)
    const isHead = new RegExp(`^${methodMark}: HEAD\\r$`, 'im').test(fields)
    const length = /^content-length:[ \t]*(\d+)[ \t]*\r$/im.exec(fields)?.[1]
    let [body, isWhole] = ['', true]
    if (isHead || status === 204 || status === 304) {
      answers.push({ status, body, isWhole, isOrigins })
      continue
    }
    if (/^transfer-encoding:.*chunked[ \t]*\r$/im.test(fields)) {
      const read = chunks(rest)
      body = read.body
      isWhole = read.isWhole
      rest = rest.slice(read.length)
    } else if (length === undefined) {
      body = rest
      isWhole = hasEnded
      rest = ''
    } else {
      body = rest.slice(0, Number(length))
      isWhole = body.length === Number(length)
      rest = rest.slice(Number(length))
    }
    answers.push({ status, body, isWhole, isOrigins })
  }
  return answers
}
