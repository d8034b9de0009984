// Is that a path that a node may have? The rules of PathUtils.validatePath of Apache ZooKeeper.

const slash = 0x2f

/** Where the last slash of the path `from[start, end)` is; -1 if there is none. */
export function lastSlash(from: Buffer, start: number, end: number): number {
  for (let at = end - 1; at >= start; at -= 1) if (from[at] === slash) return at
  return -1
}

/** Whether a byte of `from[start, end)` is zero. */
export function hasNul(from: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (from[at] === 0) return true
  return false
}

const isForbidden = (code: number): boolean =>
  code <= 0x1f ||
  (code >= 0x7f && code <= 0x9f) ||
  (code >= 0xd800 && code <= 0xf8ff) ||
  code >= 0xfff0

/**
 * Why a path cannot be a node's; `undefined` if it can. `null` stands for jute's null. The units
 * of JavaScript's strings are Java's, so that the answer is Apache's for every string.
 */
export function pathProblem(path: string | null): string | undefined {
  if (path === null) return 'path cannot be null'
  if (path === '') return 'path cannot be empty'
  if (path[0] !== '/') return 'path must start with a slash'
  if (path === '/') return undefined
  if (path.endsWith('/')) return 'path must not end with a slash'
  const names = path.slice(1).split('/')
  for (const name of names) {
    if (name === '') return 'path has a name without letters'
    if (name === '.' || name === '..') return 'path is relative'
  }
  for (let at = 1; at < path.length; at += 1) {
    if (isForbidden(path.charCodeAt(at))) return `path has an invalid character at ${at}`
  }
  return undefined
}

/** The ten digits behind the name of a sequential node: `String.format("%010d")` of Java. */
export const sequenceSuffix = (count: number): string =>
  count < 0 ? `-${String(-count).padStart(9, '0')}` : String(count).padStart(10, '0')
