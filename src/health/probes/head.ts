// What status does this HTTP/1.x answer carry? Reads no further than its head. Pure.

/** What is known of an answer after some of its bytes. */
export type Head =
  | { readonly kind: 'incomplete' }
  /** Its fields stand between `fields` and `end`, where the body begins. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly fields: number
      readonly end: number
    }
  | { readonly kind: 'malformed'; readonly reason: string }

/** A longer head is not read to its end: memory stays bounded whatever a server sends. */
export const headBytesMost = 16 * 1024

/**
 * The status of the final answer at the beginning of `text` (latin1). Interim answers (1xx but
 * not 101) are passed over: RFC 9110 section 15.2. A status line is RFC 9112 section 4.
 */
export function readHead(text: string): Head {
  let from = 0
  for (;;) {
    const end = text.indexOf('\r\n\r\n', from)
    const line = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r\n/.exec(text.slice(from, from + 1024))
    if (line === null && !mayBecomeHttp(text.slice(from))) return malformed(text.slice(from))
    if (end === -1) return text.length > headBytesMost ? tooLong : { kind: 'incomplete' }
    if (line === null) return malformed(text.slice(from))
    const status = Number(line[1])
    if (status >= 200 || status === 101) {
      return { kind: 'status', status, fields: from + line[0].length, end: end + 4 }
    }
    from = end + 4
  }
}

const tooLong: Head = {
  kind: 'malformed',
  reason: `answered with a head longer than ${headBytesMost / 1024} KiB`,
}

/** Whether these first bytes could still be the beginning of a status line. */
const mayBecomeHttp = (start: string): boolean => {
  const wanted = 'HTTP/1.'
  return start.startsWith(wanted.slice(0, Math.min(start.length, wanted.length)))
}

function malformed(start: string): Head {
  const shown = JSON.stringify(start.slice(0, 24))
  return { kind: 'malformed', reason: `answered ${shown}, which is not HTTP/1.1` }
}
