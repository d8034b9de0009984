// What do `${databases.NAME.url}` and its like stand for? They stay in place until the agent knows
// the password, which no file has; then all of them are filled in. Pure.

import type { DatabasePlan } from '../databases/model.ts'
import type { JsonSchema } from './json-schema.ts'
import { suggest } from './nearest.ts'
import { type Answer, namesIn, reachable, type Surroundings } from './surroundings.ts'
import { entryOf } from './tree.ts'

const fields = ['url', 'read_url', 'host', 'port', 'user', 'password', 'database'] as const
type Field = (typeof fields)[number]

const reference = /\$\{databases\.([a-z][a-z0-9_-]*)\.([a-z_]+)\}/g

const isField = (text: string): text is Field => (fields as readonly string[]).includes(text)

/** Whether this would be filled in, between `${` and `}`. */
export const isDatabaseWord = (name: string): boolean => {
  const [section, item = '', field = '', ...rest] = name.split('.')
  return section === 'databases' && item !== '' && isField(field) && rest.length === 0
}

/** Leaves the reference in place if what it names is there, or says why it cannot stand. */
export function ofDatabase(
  name: string,
  item: string,
  field: string,
  schema: JsonSchema,
  around: Surroundings,
): Answer {
  const section = entryOf(around.tree, 'databases')?.value
  const database = entryOf(section, item)?.value
  if (database === undefined) {
    const remedy = suggest(item, namesIn(section))
    return { message: `\`\${${name}}\`: there is no database \`${item}\``, remedy }
  }
  if (!isField(field)) {
    const remedy = suggest(field, fields)
    return { message: `\`\${${name}}\`: a database has no \`${field}\``, remedy }
  }
  if (schema['x-references'] !== 'replica' || schema['x-private'] !== true) {
    return {
      message: `\`\${${name}}\` can stand only under \`env\`: it may hold a password`,
      remedy: `put it there, such as \`DATABASE_URL: "\${databases.${item}.url}"\`, and read it`,
    }
  }
  const bind = entryOf(database, 'bind')?.value
  if (field === 'read_url' && entryOf(bind, 'read') === undefined) {
    return {
      message: `\`\${${name}}\`: \`${item}\` has no address for reading`,
      remedy: 'give it one: `bind: { read: ":5433" }`',
    }
  }
  return { value: `\${${name}}` }
}

/** Variables with everything of databases filled in, and what of it is not to be shown. */
export interface Filled {
  readonly env: Readonly<Record<string, string>>
  readonly secrets: readonly string[]
}

/**
 * Fills in what variables say of databases. `passwordOf` tells the password of a database's
 * application. What names no database of `databases` stays as it is.
 */
export function fillDatabaseReferences(
  env: Readonly<Record<string, string>>,
  databases: Readonly<Record<string, DatabasePlan>>,
  passwordOf: (database: string) => string,
): Filled {
  const secrets = new Set<string>()
  const filled = Object.entries(env).map(([key, text]): readonly [string, string] => {
    const value = text.replaceAll(reference, (whole, name: string, field: string) => {
      const plan = Object.hasOwn(databases, name) ? databases[name] : undefined
      const word = plan && isField(field) ? wordOf(plan, field, passwordOf(name)) : undefined
      if (word === undefined) return whole
      if (field.endsWith('url') || field === 'password') secrets.add(word)
      if (field.endsWith('url')) secrets.add(passwordOf(name))
      return word
    })
    return [key, value]
  })
  return { env: Object.fromEntries(filled), secrets: [...secrets].toSorted() }
}

/** The URL of a database’s address for writing or reading; `undefined` where it has none. */
export function databaseUrl(
  { engine, app, bind }: Pick<DatabasePlan, 'engine' | 'app' | 'bind'>,
  door: 'write' | 'read',
  password: string,
): string | undefined {
  const at = bind[door]
  if (at === undefined) return undefined
  const host = reachable(at.host)
  // MariaDB's drivers take the scheme of MySQL's; not all of them their own.
  const scheme = engine === 'postgresql' ? 'postgresql' : 'mysql'
  const who = `${encodeURIComponent(app.user)}:${encodeURIComponent(password)}`
  const where = `${host.includes(':') ? `[${host}]` : host}:${at.port}`
  return `${scheme}://${who}@${where}/${encodeURIComponent(app.database)}`
}

function wordOf(plan: DatabasePlan, field: Field, password: string): string | undefined {
  switch (field) {
    case 'url':
      return databaseUrl(plan, 'write', password)
    case 'read_url':
      return databaseUrl(plan, 'read', password)
    case 'host':
      return reachable(plan.bind.write.host)
    case 'port':
      return String(plan.bind.write.port)
    case 'user':
      return plan.app.user
    case 'password':
      return password
    case 'database':
      return plan.app.database
  }
}
