// Why others make something else of a message than we do. What no row explains is a failure.

import { type Outcome, partingOf } from './compare.ts'
import { disbelief, theirDisbelief } from './disagreements-of-answers.ts'
import { type Disagreement, type Explanation, row } from './explanation.ts'
import { oddOfAnswer, oddOfRequest } from './features.ts'
import type { Message } from './messages.ts'

/** We refuse what is odd in one of these ways; they pass it on, mend it, or wait for more. */
const laxer =
  (...odd: readonly string[]) =>
  ({ parting, odd: found }: Disagreement): boolean =>
    parting?.ours === 'refused' && odd.some((one) => found.has(one))

/** They refuse, or answer themselves, what we pass on, answer or wait for. */
const stricter =
  (of: 'both' | Disagreement['peer'], ...odd: readonly string[]) =>
  ({ peer, parting, odd: found }: Disagreement): boolean =>
    (of === 'both' || of === peer) &&
    parting !== undefined &&
    parting.ours !== 'refused' &&
    (parting.theirs === 'refused' || parting.theirs === 'answered') &&
    odd.every((one) => found.has(one))

/** An option `close` beside bytes that no token holds, and that part no list. */
const closesBesideBytes =
  /^connection:[^\r\n]*(?:[\x80-\xff"()/:;<=>?@[\\\]{}]close|close[\x80-\xff"()/:;<=>?@[\\\]{}])/im

/** A Host of nothing but dots. */
const dots = /^host:[ \t]*\.+[ \t]*\r$/im

/** Requests that we refuse. */
const refusals: readonly Explanation[] = [
  row('lone-lf', '9112 2.2', 'they take a lone LF for the end of a line', laxer('lone-lf')),
  row(
    'lone-cr',
    '9112 2.2',
    'they pass over, or mend, a CR that is not followed by LF',
    laxer('lone-cr'),
  ),
  row('control', '9110 5.5', 'they let control characters through', laxer('control')),
  row('folded', '9112 5.2', 'they unfold, or drop, folded lines', laxer('folded')),
  row(
    ...([
      'space-before-colon',
      '9112 5.1',
      'they drop a field with white space in its name',
    ] as const),
    laxer('space-before-colon'),
  ),
  row('name', '9110 5.1', 'nginx drops a field whose name is no token', laxer('name-no-token')),
  row(
    'length',
    '9112 6.3',
    'they wait for the rest of a head whose length is none',
    laxer('length-odd'),
  ),
  row(
    ...([
      'length-twice',
      '9110 8.6',
      'HAProxy joins equal lengths; we refuse all repeated ones',
    ] as const),
    laxer('length-twice'),
  ),
  row(
    ...([
      'length-and-coding',
      '9112 6.1',
      'HAProxy drops the length where there is a coding',
    ] as const),
    laxer('length-and-coding'),
  ),
  row(
    'coding-1.0',
    '9112 6.1',
    'HAProxy takes a coding in HTTP/1.0 and closes',
    laxer('coding-1.0'),
  ),
  row(
    'coding',
    '9112 6.1',
    'they wait for more before they refuse a coding',
    laxer('coding-odd', 'coding-twice'),
  ),
  row('chunks', '9112 7.1', 'they mend chunks, or drop trailers, that we refuse', laxer('chunks')),
  row(
    'host',
    '9112 3.2',
    'they do without Host, or take one that is none',
    laxer('host-none', 'host-odd', 'host-twice'),
  ),
  row(
    ...([
      'absolute-host',
      '9112 3.2.2',
      'they take the host of the target where Host differs',
    ] as const),
    laxer('target-absolute'),
  ),
  row(
    'target',
    '9112 3.2',
    'they take targets that are no path and no URI of http',
    laxer('target-form', 'target-bytes'),
  ),
  row('line', '9112 3', 'they take other white space in the first line', laxer('line-odd')),
  row('version', '9110 2.5', 'they take versions that we do not speak', laxer('version-odd')),
  row('method-long', '9112 3', 'they take methods of any length', laxer('method-long')),
  row('connect', '9110 9.3.6', 'we offer no tunnels', laxer('connect')),
  row('trace-body', '9110 9.3.8', 'they pass on a TRACE with content', laxer('trace')),
  row(
    'expect',
    '9110 10.1.1',
    'they ignore expectations that they do not know',
    laxer('expect-odd'),
  ),
  row(
    ...([
      'connection-names',
      '9110 7.6.1',
      'they ignore that Connection names an essential field',
    ] as const),
    laxer('connection-essential'),
  ),
  row(
    ...([
      'connection-bytes',
      '9110 7.6.1',
      'they do not find close beside bytes that no token holds; we end the connection',
    ] as const),
    ({ parting, message }) => parting?.ours === 'refused' && closesBesideBytes.test(message.bytes),
  ),
  row('max-forwards', '9110 7.6.2', 'they do not count Max-Forwards down', laxer('max-forwards')),
]

/** Requests that they refuse, or answer themselves. */
const theirRefusals: readonly Explanation[] = [
  row(
    'nginx-above-root',
    '3986 5.2.4',
    'nginx refuses paths that climb above the root',
    stricter('nginx', 'target-above'),
  ),
  row(
    'nginx-percent',
    '3986 2.1',
    'nginx decodes the path, and refuses what it cannot',
    stricter('nginx', 'target-percent'),
  ),
  row(
    'options-absolute',
    '9112 3.2.4',
    'they send / where OPTIONS for a URI without a path has to go on as *',
    ({ parting }) =>
      parting?.isOther === true && /^OPTIONS https?:\/\/[^/? ]* /i.test(parting.tail),
  ),
  row(
    'haproxy-1.0-keeps',
    '9112 9.3',
    'HAProxy answers what is pipelined behind a request of HTTP/1.0, which we end with its answer',
    ({ peer, parting, message }) =>
      peer === 'haproxy' &&
      parting?.ours === 'refused' &&
      (parting.theirs === 'answered' || parting.theirs === 'passed') &&
      / HTTP\/1\.0\r\n/.test(message.bytes),
  ),
  row(
    'haproxy-1.0-ends',
    '9112 9.3',
    'HAProxy ends the connection behind some requests of HTTP/1.0 that ask to keep it',
    ({ peer, parting, message }) =>
      peer === 'haproxy' &&
      parting?.ours === 'answered' &&
      parting.theirs === 'refused' &&
      / HTTP\/1\.0\r\n/.test(message.bytes) &&
      /^connection:.*keep-alive/im.test(message.bytes),
  ),
  row(
    'nginx-close-within',
    '9110 7.6.1',
    'nginx takes any option that has close in it for close',
    ({ peer, parting, message }) =>
      peer === 'nginx' &&
      parting?.theirs === 'refused' &&
      /^connection:[^\r\n]*(?:\wclose|close\w)/im.test(message.bytes),
  ),
  row(
    'nginx-keep-within',
    '9110 7.6.1',
    'nginx takes any option that holds keep-alive for it, and keeps HTTP/1.0 open',
    ({ peer, parting, message }) =>
      peer === 'nginx' &&
      parting?.ours === 'refused' &&
      parting.theirs === 'answered' &&
      /^connection:[^\r\n]*\wkeep-alive/im.test(message.bytes),
  ),
  row(
    'nginx-host-dot',
    '9110 7.2',
    'nginx refuses a Host that is a dot',
    ({ peer, parting, message }) =>
      peer === 'nginx' && parting?.theirs === 'refused' && dots.test(message.bytes),
  ),
  row(
    'nginx-close-and-keep',
    '9112 9.3',
    'nginx keeps a connection whose request says both close and keep-alive',
    ({ peer, parting, message }) =>
      peer === 'nginx' && parting?.ours === 'refused' && closesAndKeeps(message.bytes),
  ),
  row(
    'nginx-method',
    '9110 9.1',
    'nginx takes upper case methods alone',
    stricter('nginx', 'method-odd'),
  ),
  row('nginx-trace', '9110 9.3.8', 'nginx answers TRACE with 405', stricter('nginx', 'trace')),
  row(
    'their-host',
    '9112 3.2',
    'they refuse a Host that no name can be',
    stricter('both', 'host-strange'),
  ),
  row(
    'nginx-version',
    '9110 2.5',
    'nginx answers later minor versions with 505',
    stricter('nginx', 'version-odd'),
  ),
  row(
    'nginx-tab',
    '9110 5.5',
    'nginx takes a tab beside a value for a part of it',
    stricter('nginx', 'tab-around-value'),
  ),
  row(
    'nginx-twice',
    '9110 5.3',
    'nginx refuses fields that stand there twice and may not',
    stricter('nginx', 'condition-twice'),
  ),
  row(
    'nginx-asterisk',
    '9112 3.2.4',
    'nginx does not know the target *',
    stricter('nginx', 'target-form'),
  ),
  row(
    'haproxy-upgrade',
    '9110 7.8',
    'HAProxy ends the connection behind an upgrade',
    stricter('haproxy', 'upgrade'),
  ),
  row('haproxy-pri', '9113 3.4', 'HAProxy keeps PRI for HTTP/2', stricter('haproxy', 'pri')),
  row(
    ...([
      'haproxy-1.0-body',
      '9112 C.2.1',
      'HAProxy refuses bodies in HTTP/1.0 of methods without one',
    ] as const),
    stricter('haproxy', 'version-1.0'),
  ),
  row(
    'haproxy-target',
    '9112 3.2',
    'HAProxy refuses bytes that no URI holds',
    stricter('haproxy', 'target-bytes'),
  ),
  row(
    'our-max-forwards',
    '9110 7.6.2',
    'we answer where Max-Forwards is 0',
    ({ parting, odd }) =>
      (parting?.ours === 'answered' || parting?.isOther === true) && odd.has('max-forwards'),
  ),
]

/** Both lines stand in one message. */
const closesAndKeeps = (bytes: string): boolean =>
  /^connection:[ \t]*close/im.test(bytes) && /^connection:[ \t]*keep-alive/im.test(bytes)

/** See the first line; the first that holds explains. */
export const explanations: readonly Explanation[] = [
  ...refusals,
  ...theirRefusals,
  ...disbelief,
  ...theirDisbelief,
]

/** The disagreement of two outcomes, if they disagree. */
export function disagreementOf(
  message: Message,
  peer: Disagreement['peer'],
  ours: Outcome,
  theirs: Outcome,
): Disagreement | undefined {
  const { answer } = message
  if (answer !== undefined) {
    if (ours.got === theirs.got) return undefined
    return { message, peer, parting: undefined, ours, theirs, odd: oddOfAnswer(answer.bytes) }
  }
  const parting = partingOf(message, ours, theirs)
  if (parting === undefined) return undefined
  return { message, peer, parting, ours, theirs, odd: oddOfRequest(parting.tail) }
}

/** The row that explains it, if there is one. */
export const explain = (it: Disagreement): Explanation | undefined =>
  explanations.find(({ holds }) => holds(it))
