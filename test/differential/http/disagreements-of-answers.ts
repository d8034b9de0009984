// Why others make something else of a server's answer than we do.

import { type Disagreement, type Explanation, row } from './explanation.ts'

/** An answer that we do not believe; they do, or wait for more of it. */
const believing =
  (...odd: readonly string[]) =>
  ({ parting, ours, odd: found }: Disagreement): boolean =>
    parting === undefined && ours.got === 'nothing' && odd.some((one) => found.has(one))

/** An answer that we pass on, or wait for the end of, and they do not. */
const doubting =
  (of: 'both' | Disagreement['peer'], ...odd: readonly string[]) =>
  ({ peer, parting, ours, theirs, odd: found }: Disagreement): boolean =>
    (of === 'both' || of === peer) &&
    parting === undefined &&
    ours.got !== 'nothing' &&
    (theirs.got === 'nothing' || theirs.got === 'waits') &&
    odd.every((one) => found.has(one))

/** Answers that we do not believe. */
export const disbelief: readonly Explanation[] = [
  row(
    'answer-line',
    '9112 4',
    'they take, or pass through, status lines that are none',
    believing('status-odd'),
  ),
  row(
    'answer-lines',
    '9112 2.2',
    'they mend or drop lines that are none',
    believing('lone-lf', 'lone-cr', 'folded'),
  ),
  row(
    'answer-fields',
    '9110 5.5',
    'they pass on names and values that are none',
    believing('control', 'name-no-token'),
  ),
  row(
    'answer-length',
    '9112 6.3',
    'they take the first of lengths that are odd or repeated',
    believing('length-odd', 'length-twice'),
  ),
  row(
    'answer-both',
    '9112 6.3',
    'they ignore the length beside a coding',
    believing('length-and-coding'),
  ),
  row(
    'answer-coding',
    '9112 6.1',
    'they ignore codings that they do not know',
    believing('coding-odd', 'coding-twice', 'coding-1.0'),
  ),
  row(
    'answer-chunks',
    '9112 7.1',
    'they wait, or mend, where chunks are malformed',
    believing('chunks'),
  ),
  row(
    'answer-connection',
    '9110 7.6.1',
    'they ignore that Connection names an essential field',
    believing('connection-essential'),
  ),
]

/** A body that holds what there was of it, and then the beginning of another answer. */
function goesOnInto(got: string, answer: string): boolean {
  const said = answer.slice(answer.lastIndexOf('\r\n\r\n') + 4)
  const [, body = ''] = /^\d{3} ([\s\S]*)$/.exec(got) ?? []
  const more = body.slice(said.length)
  return more !== '' && body.startsWith(said) && more.startsWith('HTTP/1.1 '.slice(0, more.length))
}

/** Answers that they do not believe, or not yet; or that they believe before they are whole. */
export const theirDisbelief: readonly Explanation[] = [
  row(
    'haproxy-interim',
    '9112 9.3.2',
    'behind an interim answer HAProxy asks on before the final one is whole, and mixes both',
    ({ peer, parting, ours, odd }) =>
      peer === 'haproxy' && parting === undefined && ours.got === 'waits' && odd.has('interim'),
  ),
  row(
    ...([
      'interim-mixed',
      '9112 8',
      'behind an interim answer they make an answer that broke off whole with the next one',
    ] as const),
    ({ parting, message, ours, theirs, odd }) =>
      parting === undefined &&
      ours.got === 'nothing' &&
      odd.has('interim') &&
      goesOnInto(theirs.got, message.answer?.bytes ?? ''),
  ),
  row(
    'nginx-answer-tab',
    '9110 5.5',
    'nginx takes a tab beside a value for a part of it',
    ({ peer, parting, odd }) =>
      peer === 'nginx' && parting === undefined && odd.has('tab-around-value'),
  ),
  row(
    'nginx-interim',
    '9110 15.2',
    'nginx takes an interim answer for the final one',
    doubting('nginx', 'interim'),
  ),
  row(
    'answer-name',
    '9110 5.1',
    'they refuse a name, a fold or a chunk before its line has come, we when it has',
    ({ parting, ours, theirs, odd }) =>
      parting === undefined &&
      ours.got === 'waits' &&
      theirs.got === 'nothing' &&
      (odd.has('name-no-token') || odd.has('folded') || odd.has('chunks')),
  ),
  row(
    'answer-space',
    '9112 5.1',
    'they refuse the white space that we take away',
    doubting('both', 'space-before-colon'),
  ),
]
