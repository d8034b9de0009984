// Which bytes of a log must not be seen? Replaces secrets in a stream of chunks, also where one is
// cut in two by the border of a chunk. Pure.

/** A shorter value is left alone: it would be found in words that have nothing to do with it. */
export const secretLengthLeast = 6

/** What stands in a secret's place. */
export const redacted = '***'

/** More than this is not held back for a secret that may still be completed. */
const heldMost = 64 * 1024

/** A stream that hides secrets. */
export interface Redactor {
  /** The next bytes, without what may be the beginning of a secret. */
  push(chunk: Buffer): Buffer
  /** What was held back, at the end of the stream. */
  end(): Buffer
}

/**
 * Hides `secrets` of at least `secretLengthLeast` characters. Of one of several lines (a private
 * key) each line is a secret too, since logs take them apart.
 */
export function openRedactor(secrets: readonly string[]): Redactor {
  const patterns = patternsOf(secrets)
  if (patterns.length === 0) return { push: (chunk) => chunk, end: () => Buffer.alloc(0) }
  let held = ''
  const emit = (text: string, end: number): Buffer => {
    held = text.slice(end)
    return Buffer.from(hide(text.slice(0, end), patterns), 'latin1')
  }
  return {
    push(chunk) {
      const text = held + chunk.toString('latin1')
      const safe = safeLength(text, patterns)
      return emit(text, text.length - safe > heldMost ? text.length : safe)
    },
    end: () => emit(held, held.length),
  }
}

/** Hides secrets in one text, for what is said outside of the log. */
export function redactText(text: string, secrets: readonly string[]): string {
  const hidden = hide(latin1(text), patternsOf(secrets))
  return Buffer.from(hidden, 'latin1').toString('utf8')
}

/** Bytes as characters of one byte each, so that offsets in text are offsets in bytes. */
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

function patternsOf(secrets: readonly string[]): readonly string[] {
  const wholeAndLines = secrets.flatMap((secret) => [secret, ...secret.split(/\r?\n/)])
  const long = wholeAndLines.filter((text) => [...text].length >= secretLengthLeast)
  return [...new Set(long)].map(latin1)
}

/** Every stretch that belongs to some secret becomes one mark, also where two overlap. */
function hide(text: string, patterns: readonly string[]): string {
  let result = ''
  let at = 0
  for (const [start, end] of stretches(text, patterns)) {
    result += text.slice(at, start) + redacted
    at = end
  }
  return result + text.slice(at)
}

type Stretch = readonly [start: number, end: number]

function stretches(text: string, patterns: readonly string[]): readonly Stretch[] {
  const found: Stretch[] = []
  for (const pattern of patterns) {
    for (let at = text.indexOf(pattern); at !== -1; at = text.indexOf(pattern, at + 1)) {
      found.push([at, at + pattern.length])
    }
  }
  const joined: Stretch[] = []
  for (const [start, end] of found.toSorted(([a], [b]) => a - b)) {
    const last = joined.at(-1)
    if (last === undefined || start >= last[1]) joined.push([start, end])
    else joined[joined.length - 1] = [last[0], Math.max(last[1], end)]
  }
  return joined
}

/** How much of `text` is final: whatever comes next, no secret can begin in it and end later. */
function safeLength(text: string, patterns: readonly string[]): number {
  let safe = text.length
  for (const pattern of patterns) {
    const from = Math.max(0, text.length - pattern.length + 1)
    for (let at = from; at < safe; at += 1) {
      if (pattern.startsWith(text.slice(at))) safe = at
    }
  }
  const across = stretches(text, patterns).find(([start, end]) => start < safe && end > safe)
  return across === undefined ? safe : across[0]
}
