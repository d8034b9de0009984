// How does `show stat` look? The rows as CSV, one field a line with its type, or JSON. Pure.

import { fields, lastOfCore } from './fields.ts'
import { kinds, type Row } from './rows.ts'

export type StatForm = 'csv' | 'typed' | 'json'

/** The rows in one of HAProxy's forms; CSV begins with its header. */
export function statText(rows: readonly Row[], form: StatForm): string {
  switch (form) {
    case 'csv':
      return `# ${header}\n${rows.map((row) => `${csv(row)}\n`).join('')}`
    case 'typed':
      return rows.map((row) => `${typed(row).join('\n')}\n`).join('')
    case 'json':
      return JSON.stringify(rows.map(values))
  }
}

const dashAfter = (name: string, text: string): string =>
  name === lastOfCore ? `${text},-,` : `${text},`

/** The names of all columns, as the first line of the CSV has them. */
export const header = fields.map(({ name }) => dashAfter(name, name)).join('')

const csv = (row: Row): string =>
  fields.map(({ name }) => dashAfter(name, cellOf(row[name]))).join('')

/** RFC 4180: quoted where a comma, a quote or a line break would be read as something else. */
function cellOf(value: string | number | undefined): string {
  const text = value === undefined ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A service's row marks some of them in another way than that of a frontend or a server. */
const backendTags: Readonly<Record<string, string>> = {
  ...{ act: 'MGP', bck: 'MGP', rate: 'MGP', rate_max: 'MGP' },
}

const tagsOf = (row: Row, name: string, tags: string): string =>
  row.type === kinds.backend ? (backendTags[name] ?? tags) : tags

const letters = ['F', 'B', 'S', 'L']

const typed = (row: Row): readonly string[] =>
  fields.flatMap(({ name, tags, type }, place) => {
    const value = row[name]
    if (value === undefined) return []
    const whose = `${letters[Number(row.type)]}.${row.iid}.${row.sid}`
    return [`${whose}.${place}.${name}.1:${tagsOf(row, name, tags)}:${type}:${value}`]
  })

const objTypes = ['Frontend', 'Backend', 'Server', 'Listener']
const origins: Words = { M: 'Metric', S: 'Status', K: 'Key', C: 'Config', P: 'Product' }
const natures: Words = {
  ...{ G: 'Gauge', L: 'Limit', M: 'Max', m: 'Min', C: 'Counter', R: 'Rate', D: 'Duration' },
  ...{ A: 'Age', T: 'Time', N: 'Name', O: 'Output', a: 'Avg', S: 'String' },
}
const scopes: Words = { C: 'Cluster', P: 'Process', S: 'Service', s: 'System' }
type Words = Readonly<Record<string, string>>

/** The tags of a field in words, as JSON has them. */
export const tagWords = (tags: string) => ({
  origin: origins[tags[0] ?? ''] ?? 'Unknown',
  nature: natures[tags[1] ?? ''] ?? 'Unknown',
  scope: scopes[tags[2] ?? ''] ?? 'Unknown',
})

const values = (row: Row) =>
  fields.flatMap(({ name, tags, type }, pos) => {
    const value = row[name]
    if (value === undefined) return []
    return [
      {
        objType: objTypes[Number(row.type)],
        proxyId: row.iid,
        id: row.sid,
        field: { pos, name },
        processNum: 1,
        tags: tagWords(tagsOf(row, name, tags)),
        value: { type, value },
      },
    ]
  })
