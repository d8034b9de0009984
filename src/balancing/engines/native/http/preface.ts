// Does this connection begin as one of HTTP/2 does, without having asked (RFC 9113 3.4)?

/** A reader of HTTP/1.1 takes it for a request, and refuses it. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n', 'latin1')

/** Whether what has come begins with the first line of the preface. */
export const isPreface = (bytes: Buffer, start: number, end: number): boolean =>
  bytes.compare(preface, 0, preface.length, start, Math.min(end, start + preface.length)) === 0
