// The reference of the file: what it is in general, and a table of every key, made from the
// descriptions in its definition.

import type { JsonSchema } from '../src/spec/json-schema.ts'

/** The text of docs/file.md; `note` says that it is made. */
export const filePage = (note: string, schema: JsonSchema): string =>
  `${note}\n${introduction}\n${[...sections(schema, [], new Map())].join('\n')}${references}`

const introduction = `# The file

\`alwayson.yaml\` says what has to stay up. It is YAML 1.2. Everything but \`services\` or \`databases\` may be left out: the
defaults are right for two or three servers of an ordinary web app.

\`\`\`yaml
# yaml-language-server: $schema=./node_modules/alwayson/schema/alwayson.schema.json
name: shop

services:
  web:
    run: node server.js            # Always On starts, supervises, restarts and deploys it
    replicas: 3
    check: /health                 # short for { http: /health, every: 1s, fall: 2, rise: 2, timeout: 1s }
    env: { DATABASE_URL: "\${databases.orders.url}" }
  legacy:
    servers: [192.168.1.100:80, 192.168.1.101:80]   # something else runs it: checked and routed to

frontends:
  public:
    bind: ":80"
    to: web
    routes: [{ path: /old, to: legacy }]

databases:
  orders:
    engine: postgresql             # or mariadb, mysql
    members: 3                     # one primary; the others take its place when it dies
    durability: quorum             # an acknowledged write survives the loss of any machine; or async
    bind: { write: ":5432", read: ":5433" }
\`\`\`

With the first line, editors that speak the YAML language server complete and check the file as you
write. \`alwayson schema\` prints the same JSON Schema. It is also what \`alwayson check\` goes by, so
the two agree.

**Faults.** \`alwayson check\` reports every fault at once, each as \`file:line:column\` with what was found,
what was expected and what was probably meant. \`up\` and \`apply\` refuse a file with a fault (exit
code 2) and leave alone what runs. A key that is not known is a fault.

**Anchors.** Aliases (\`*name\`) and merge keys (\`<<\`) work; top-level keys that begin with \`x-\` are
a place to keep what they point at.

**Names** of services, frontends and databases have small letters, digits, \`-\` and \`_\`, begin with a letter, and
have at most 40 characters. A replica of \`web\` is called \`web-1\`, \`web-2\` and so on, and so are the
members of a database.

**Lengths of time** are \`250ms\`, \`1.5s\`, \`2m\`, \`1h\`, \`1d\`. **Sizes** are \`512KiB\`, \`64MiB\`, \`10MB\`.
`

const references = `
## References

\`\${…}\` stands for something else. In \`{ }\` and \`[ ]\` put the value in quotes, since YAML reads
braces there.

| | stands for | where |
|---|---|---|
| \`\${env.NAME}\` | the environment variable of Always On; a fault if it is not set | anywhere but in \`run\` (the process list would show it) and in the path of a check (events would) |
| \`\${env.NAME:-text}\` | the same, or \`text\` if it is not set or empty | the same |
| \`\${port}\`, \`\${host}\`, \`\${replica}\` | the replica’s own port, address and name | \`run\`, \`env\`, \`check\` |
| \`\${frontends.NAME.url}\` | \`http://127.0.0.1:8080\`: where this machine reaches the frontend; also \`.host\`, \`.port\`, \`.address\` | \`run\`, \`env\`, \`check\` |
| \`\${services.NAME.servers}\` | \`10.0.0.1:80,10.0.0.2:80\` | \`run\`, \`env\`, \`check\` |
| \`\${databases.NAME.url}\` | \`postgresql://user:password@127.0.0.1:5432/database\`: where this machine reaches the primary, whoever that is; \`.read_url\` leads to replicas; also \`.host\`, \`.port\`, \`.user\`, \`.password\`, \`.database\` | \`env\` |
| \`$\${\` | the text \`\${\` | anywhere |

What comes from the environment or from a database into \`env\` is a secret: no log, event, status or process list shows
it, and where a difference between two files is told, it is told as it is written.

A command in \`run\` is split into words as a shell does it. If it uses what only a shell
understands (\`|\`, \`>\`, \`$NAME\`, \`*\`, \`&&\` …) it is given to \`/bin/sh -c\`, with \`exec\` where it is a
single command, so that the stop signal reaches the program. \`alwayson up haproxy.cfg\` runs an HAProxy
configuration as it is: see [import-haproxy.md](import-haproxy.md).
`

/** What may stand somewhere, without the form that only editors need. */
const formsOf = (schema: JsonSchema): readonly JsonSchema[] =>
  (schema.anyOf ?? [schema])
    .filter((form) => form['x-reference'] !== true)
    .flatMap((form) => (form.anyOf === undefined ? [form] : formsOf(form)))

const pathText = (path: readonly string[]): string => path.join('.').replaceAll('.[]', '[]')

/** Where a map was described before, by what it holds. */
type Told = Map<string, readonly string[]>

/** As GitHub makes anchors of headings. */
const anchor = (path: readonly string[]): string =>
  pathText(path)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '')

function* sections(schema: JsonSchema, path: readonly string[], told: Told): Generator<string> {
  const maps = formsOf(schema).filter((form) => form.properties !== undefined)
  const shared = keysInAll(maps)
  const [first] = maps
  if (first !== undefined) {
    yield `## ${path.length === 0 ? 'Everything in it' : `\`${pathText(path)}\``}\n`
    if (schema.description !== undefined && path.length > 0) yield `${schema.description}\n`
    const before = told.get(JSON.stringify(maps))
    if (before !== undefined) {
      yield `The same as [\`${pathText(before)}\`](#${anchor(before)}).\n`
      return
    }
    told.set(JSON.stringify(maps), path)
    for (const form of maps.length > 1 ? maps : []) {
      const keys = Object.keys(form.properties ?? {}).filter((key) => !shared.includes(key))
      yield `With \`${(form.required ?? [])[0]}\`:\n\n${table(form, keys)}`
    }
    if (maps.length > 1) yield 'In each case:\n'
    yield table(first, shared)
  }
  const seen = new Set<string>()
  for (const form of maps) {
    for (const [key, inner] of Object.entries(form.properties ?? {})) {
      if (!seen.has(key)) yield* inside(inner, [...path, key], told)
      seen.add(key)
    }
  }
}

const keysInAll = ([first, ...others]: readonly JsonSchema[]): readonly string[] =>
  Object.keys(first?.properties ?? {}).filter((key) =>
    others.every((form) => Object.hasOwn(form.properties ?? {}, key)),
  )

/** The maps that a value may be, or hold by name or in a list. */
function* inside(schema: JsonSchema, path: readonly string[], told: Told): Generator<string> {
  const forms = formsOf(schema)
  if (forms.some((form) => form.properties !== undefined)) yield* sections(schema, path, told)
  for (const { additionalProperties, items } of forms) {
    if (typeof additionalProperties === 'object') {
      yield* inside(additionalProperties, [...path, 'NAME'], told)
    }
    if (items !== undefined) yield* inside(items, [...path, '[]'], told)
  }
}

function table(form: JsonSchema, keys: readonly string[]): string {
  const rows = keys.map((key) => {
    const schema = form.properties?.[key] ?? {}
    const isRequired = form.required?.includes(key) === true
    const standard = schema.default
    const without = isRequired
      ? 'required'
      : standard === undefined
        ? ''
        : `\`${typeof standard === 'string' ? standard : JSON.stringify(standard)}\``
    return `| \`${key}\` | ${cell(schema.description ?? '')} | ${cell(takes(schema))} | ${without} |`
  })
  return [
    '| key | what it means | what it takes | without it |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function takes(schema: JsonSchema): string {
  const forms = formsOf(schema)
  const said = schema.errorMessage ?? (forms.length === 1 ? forms[0]?.errorMessage : undefined)
  if (said !== undefined) return said.replace(/^expected /, '')
  if (forms.some((form) => form.properties !== undefined)) return 'a map, below'
  if (forms.some((form) => form.type === 'object')) return 'a map by name'
  return forms.some((form) => form.type === 'array') ? 'a list' : 'a text'
}
