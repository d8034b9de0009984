// What must hold of every message, without exception: no server sees other requests than we do.

import { readAnswers } from './answers.ts'
import type { Passed } from './lane.ts'
import { readByNode } from './llhttp.ts'
import type { Message } from './messages.ts'
import { dialects, type Reading, readRequests } from './reading.ts'

/** Every way of reading what goes up, the strictest first. */
const readers: readonly { readonly name: string; read(text: string): Reading }[] = [
  ...dialects.map((dialect) => ({
    name: dialect.name,
    read: (text: string) => readRequests(text, dialect),
  })),
  { name: 'node', read: (text) => readByNode(text, false) },
  { name: 'node at its laxest', read: (text) => readByNode(text, true) },
]

const said = ({ method, target, body }: Reading['requests'][number]): string =>
  `${method} ${target} ${body}`

/** How this reading differs from the strict one; a server that refuses sees nothing else. */
function difference(strict: Reading, other: Reading): string | undefined {
  const [one, two] = [strict.requests.map(said), other.requests.map(said)]
  const common = two.findIndex((text, index) => text !== one[index])
  if (common >= 0) return `${JSON.stringify(two[common])} for ${JSON.stringify(one[common])}`
  if (two.length < one.length && other.rest !== 'bad') return `only ${two.length} of ${one.length}`
  return undefined
}

/** What is wrong with what our balancer passed on of a message, or nothing. */
export function violation(message: Message, { up, down, end }: Passed): string | undefined {
  let requests = 0
  for (const text of up) {
    const strict = readRequests(text, dialects[0] as (typeof dialects)[number])
    if (strict.rest === 'bad') return `what goes up is not strict: ${JSON.stringify(text)}`
    requests += strict.requests.length
    for (const { name, read } of readers) {
      const differs = difference(strict, read(text))
      if (differs !== undefined) return `${name} reads ${differs} in ${JSON.stringify(text)}`
    }
  }
  const answers = readAnswers(down, end === 'closed')
  if (message.answer !== undefined) return undefined
  // Every whole request was answered, once, in time: neither more nor fewer than we think.
  const answered = answers.filter(({ isOrigins }) => isOrigins).length
  if (answered !== requests) return `${requests} requests went up, ${answered} answers came down`
  return undefined
}
