// The page about what HTTP/1.1 asks of the balancer, made from the table that the tests prove.

import type { Requirement } from '../test/conformance/http1/requirement.ts'
import { parts, requirements } from '../test/conformance/http1/table.ts'

const escaped = (text: string): string => text.replaceAll('|', '\\|')

function row({ id, rfc, level, says, but }: Requirement): string {
  const cells = [rfc, level, escaped(says), but === undefined ? 'holds' : escaped(but), `\`${id}\``]
  return `| ${cells.join(' | ')} |`
}

const head = '| RFC | | what is asked | with us | test |\n|---|---|---|---|---|'

/** The page of all requirements; `note` says where it comes from. */
export function httpConformancePage(note: string): string {
  const tables = parts.map(
    ({ title, rows }) => `## ${title}\n\n${head}\n${rows.map(row).join('\n')}`,
  )
  const others = requirements.filter(({ but }) => but !== undefined).length
  return `${note}
# HTTP/1.1, requirement by requirement

What RFC 9110 and RFC 9112 ask of an intermediary, of the server that it is to clients and of the
client that it is to servers: ${requirements.length} requirements in our own words, each with a
test of that name that sends raw bytes through an edge to a raw origin, over both transports
(\`node --test test/conformance/http1.test.ts\`). ${others} are met in another way than the plainest;
the table says how. \`GUARD\` is what no RFC asks for, but safety does. The rows are in
\`test/conformance/http1/\`.

${tables.join('\n\n')}
`
}
