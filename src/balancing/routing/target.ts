// Which target does a server see, and where is a client sent? Pure.

import type { Reply } from './model.ts'

/**
 * `target` (path and query) without `strip` at its beginning, where that is a prefix of whole
 * segments, and with `prepend` before it. It always begins with a slash.
 */
export function rewritten(target: string, strip: string | undefined, prepend = ''): string {
  if (!target.startsWith('/')) return target
  const rest = strip === undefined ? target : stripped(target, strip)
  const whole = prepend + rest
  return whole.startsWith('/') ? whole : `/${whole}`
}

function stripped(target: string, strip: string): string {
  if (strip === '/' || !target.startsWith(strip)) return target
  const next = target[strip.length]
  if (next === undefined) return '/'
  if (next === '?') return `/${target.slice(strip.length)}`
  return next === '/' ? target.slice(strip.length) : target
}

/** Where a redirect leads, for the Location field. `host` and `target` are the request's own. */
export function locationOf(
  { how, to }: Extract<Reply, { kind: 'redirect' }>,
  host: string,
  target: string,
): string {
  // Never begins with two slashes: a client would take the first segment for a host.
  const own = target.startsWith('/') ? target.replace(/^\/+/, '/') : '/'
  switch (how) {
    case 'at':
      return to
    case 'under':
      return to.replace(/\/+$/, '') + own
    case 'scheme':
      return `${to}://${host.replace(/:(80|443)$/, '')}${own}`
  }
}
