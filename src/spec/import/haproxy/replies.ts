// Which requests does a frontend answer itself (configuration manual, section 4.2): `redirect`,
// `http-request redirect`, `deny`, `return` and their kin?

import { readCondition } from './conditions.ts'
import type { Ledger } from './ledger.ts'
import type { Acl, Condition, Line, ReplyRule } from './model.ts'
import type { ReplyTree } from './tree.ts'
import { readCount } from './values.ts'

interface Answer {
  readonly tree: ReplyTree
  readonly note?: string
}

type Reading = Answer | string

/** The rules that refuse; for some, how we do it otherwise. */
const refusals: Readonly<Record<string, string | undefined>> = {
  deny: undefined,
  block: undefined,
  reject: 'answered 403, and the connection is kept',
  'silent-drop': 'answered 403, not met with silence',
  tarpit: 'answered at once: nobody is kept waiting on purpose',
}

/** Whether a line is such a rule. */
export function isReply({ words: [first, second = ''] }: Line): boolean {
  if (first === 'redirect' || first === 'block') return true
  if (first !== 'http-request') return false
  return second === 'redirect' || second === 'return' || Object.hasOwn(refusals, second)
}

/** The rule that a line is; `isEncrypted` tells what `ssl_fc` comes to. */
export function readReply(
  line: Line,
  acls: readonly Acl[],
  isEncrypted: boolean,
  ledger: Ledger,
): ReplyRule {
  const isOld = line.words[0] !== 'http-request'
  const words = line.words.slice(isOld ? 0 : 1)
  const [kind = ''] = words
  const at = words.findIndex((word) => word === 'if' || word === 'unless')
  const head = words.slice(1, at < 0 ? undefined : at)
  const condition = readCondition(at < 0 ? [] : words.slice(at), acls, isEncrypted)
  const guards = Object.hasOwn(refusals, kind)
  const stage = isOld && kind === 'redirect' ? 'redirect' : 'request'
  const answer = kind === 'redirect' ? readRedirect(head) : readRefusal(kind, head, line, ledger)
  if (typeof answer === 'string') {
    return { line, stage, guards, tree: {}, condition: { kind: 'beyond', reason: answer } }
  }
  return { line, stage, guards, tree: answer.tree, condition: noted(condition, answer.note) }
}

function noted(condition: Condition, note: string | undefined): Condition {
  if (condition.kind === 'beyond' || note === undefined) return condition
  return { ...condition, notes: [...condition.notes, note] }
}

const codes = new Set([301, 302, 303, 307, 308])

/** `location|prefix|scheme TO [code N]`; without a code it is 302. */
function readRedirect([way = '', to = '', ...options]: readonly string[]): Reading {
  let code = 302
  for (let at = 0; at < options.length; at += 1) {
    const option = options[at] ?? ''
    if (option !== 'code') return `redirects know no \`${option}\``
    code = Number(options[at + 1])
    at += 1
  }
  if (!codes.has(code)) return 'redirects have the codes 301, 302, 303, 307 and 308'
  if (way === 'scheme') {
    if (to !== 'https' && to !== 'http') return 'the scheme of a redirect is `https` or `http`'
    return { tree: { redirect: { scheme: to, code } } }
  }
  if (way === 'location' && sameByHttps.test(to)) {
    return { tree: { redirect: { scheme: 'https', code } } }
  }
  if (to.includes('%')) return 'a redirect is not made up from the request'
  if (to.includes('${')) return 'a redirect is not made up from the environment'
  if (way === 'location' && /^(https?:\/\/|\/)[!-~]*$/.test(to)) {
    return { tree: { redirect: { to, code } } }
  }
  if (way === 'prefix' && /^(https?:\/\/[!-~]+|\/[!-~]+)$/.test(to)) {
    return { tree: { redirect: { under: to, code } } }
  }
  return 'a redirect leads to a URL or a path'
}

/** The ways in which people write “the same, by https”. */
const sameByHttps =
  /^https:\/\/%\[(?:req\.)?hdr\(host\)(?:,lower)?\](?:%\[(?:capture\.req\.uri|url|pathq)\]|%HU)$/i

const ownBody = 'the body is ours: pages stand under `error_pages`'

function readRefusal(kind: string, words: readonly string[], line: Line, ledger: Ledger): Reading {
  const at = words.findIndex((word) => word === 'status' || word === 'deny_status')
  const usual = kind === 'return' ? 200 : kind === 'tarpit' ? 500 : 403
  const status = at < 0 ? usual : readCount(words[at + 1], 200, 599)
  if (status === undefined) return 'it names no status'
  if (status < 400) return 'Always On answers no path by itself, unless to redirect or refuse'
  const rest = at < 0 ? words : words.toSpliced(at, 2)
  if (rest.length > 0) ledger.drop(line, ownBody, { piece: rest.join(' ') })
  const note = refusals[kind]
  return { tree: { refuse: status }, ...(note === undefined ? {} : { note }) }
}
