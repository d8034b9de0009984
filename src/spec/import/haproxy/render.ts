// Writes the file that an import makes, with a remark where HAProxy would have done otherwise.

import { Document, isMap, isScalar, isSeq, Scalar, visit, type YAMLMap } from 'yaml'
import type { NotCarried } from './model.ts'
import type { FileTree } from './tree.ts'

export interface Rendering {
  readonly tree: FileTree
  /** The name of the configuration, for the remarks. */
  readonly file: string
  readonly notCarried: readonly NotCarried[]
  readonly lines: Readonly<Record<string, number>>
}

/** Collections of these keys are short: they stay on one line. */
const short = new Set([
  ...['check', 'timeouts', 'error_pages', 'expect', 'accept_proxy', 'sticky'],
  ...['certificates', 'alpn', 'remove', 'access_log', 'forwarded', 'stats_socket'],
])

/** The text of the file. */
export function render({ tree, file, notCarried, lines }: Rendering): string {
  const document = new Document(tree)
  visit(document, {
    Pair: (_, pair) => {
      const key = isScalar(pair.key) ? String(pair.key.value) : ''
      if (/^\d+$/.test(key)) pair.key = new Scalar(Number(key))
      if (short.has(key) && (isMap(pair.value) || isSeq(pair.value))) pair.value.flow = true
      if (key === 'bind' && isSeq(pair.value)) pair.value = oneOrList(pair.value)
      if (['servers', 'routes', 'limits'].includes(key) && isSeq(pair.value)) {
        for (const item of pair.value.items) if (isMap(item)) item.flow = true
      }
    },
  })
  remark(document, lines, file)
  for (const { key } of isMap(document.contents) ? document.contents.items : []) {
    if (isScalar(key) && key !== firstKey(document)) key.spaceBefore = true
  }
  document.commentBefore = preamble(file, notCarried)
  return document.toString({ lineWidth: 0, flowCollectionPadding: true })
}

const firstKey = (document: Document): unknown =>
  isMap(document.contents) ? document.contents.items[0]?.key : undefined

function oneOrList(list: { readonly items: readonly unknown[] }): unknown {
  const quoted = list.items.map((item) => {
    const scalar = new Scalar(isScalar(item) ? item.value : item)
    scalar.type = Scalar.QUOTE_DOUBLE
    return scalar
  })
  return quoted.length === 1 ? quoted[0] : Object.assign(list, { items: quoted, flow: true })
}

/** Says above each service and frontend where it comes from. */
function remark(document: Document, lines: Readonly<Record<string, number>>, file: string): void {
  for (const section of ['services', 'frontends']) {
    const map = document.get(section)
    if (!isMap(map)) continue
    for (const pair of (map as YAMLMap).items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : ''
      const line = lines[`${section}.${name}`]
      if (isScalar(pair.key)) pair.key.commentBefore = ` ${file}:${line}${checkRemark(pair.value)}`
    }
  }
}

function checkRemark(service: unknown): string {
  const check = isMap(service) ? service.get('check') : undefined
  return check === 'none' ? '; without `check` there, a server counts as up whatever it does' : ''
}

function preamble(file: string, notCarried: readonly NotCarried[]): string {
  const missed = notCarried.filter(({ loss }) => loss !== 'nothing')
  return [
    ` Made from ${file} by \`alwayson import\`.`,
    ' What it says holds here; where it is silent, Always On’s own defaults do: a check is made',
    ' every 1s, 2 failures take a server out and 2 passes bring it back (HAProxy: 2s, 3 and 2),',
    ' and requests wait 15s for a server to come up before they are refused.',
    ...(missed.length === 0 ? [] : ['', ' Not carried over:']),
    ...missed.map(({ line, text, reason }) => `   line ${line}: ${printable(text)} (${reason})`),
  ].join('\n')
}

const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|[\ud800-\udfff]/g, '?')
