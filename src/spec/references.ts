// What does `${…}` stand for? The environment, other sections of the file, or, left in place, a
// replica's own values. Where a value is used is not known here.

import { isDatabaseWord, ofDatabase } from './database-words.ts'
import type { JsonSchema } from './json-schema.ts'
import { suggest } from './nearest.ts'
import { type Answer, namesIn, reachable, type Surroundings } from './surroundings.ts'
import { entryOf, type Path, type Scalar, type Tree } from './tree.ts'
import { readBind } from './values.ts'

/** A text with its references resolved. */
export interface Resolved {
  readonly text: string
  /** What the environment contributed. */
  readonly fromEnv: readonly string[]
}

const replicaWords = ['port', 'host', 'replica']
const reference = /(\$?)\$\{([^{}]*)(\}?)/g

/** Whether a text holds something for `resolve` to do. */
export const hasReference = (text: string): boolean => text.includes('${')

/**
 * The text of a scalar with its references resolved; `undefined` if one could not be, which has
 * been reported. `$${` stands for `${`.
 */
export function resolve(
  scalar: Scalar,
  schema: JsonSchema,
  path: Path,
  around: Surroundings,
): Resolved | undefined {
  const text = String(scalar.value)
  const fromEnv: string[] = []
  let searched = scalar.offset
  let failed = false
  const resolved = text.replaceAll(
    reference,
    (whole, escaped: string, name: string, end: string) => {
      const found = around.text.indexOf(whole, searched)
      const offset = found < 0 || found >= scalar.end ? scalar.offset : found
      searched = offset + 1
      const answer =
        escaped === '$' ? literal(name, end, schema) : lookUp(name, end, schema, around)
      if ('value' in answer) {
        if (answer.fromEnv) fromEnv.push(answer.value)
        return answer.value
      }
      failed = true
      if (answer.message !== undefined) {
        const { message, remedy } = answer
        around.reporter.report({ offset, path, message, remedy })
      }
      return ''
    },
  )
  return failed ? undefined : { text: resolved, fromEnv }
}

/** `$${name}`: the text `${name}`. Where replicas' words are filled in later, it would be lost. */
function literal(name: string, end: string, schema: JsonSchema): Answer {
  if (schema['x-references'] === 'replica' && replicaWords.includes(name)) {
    return {
      message: `\`$\${${name}}\` cannot be kept apart from \`\${${name}}\` here`,
      remedy: `for a variable of the shell write \`$${name}\``,
    }
  }
  if (schema['x-private'] === true && end !== '' && isDatabaseWord(name)) {
    return { message: `\`$\${${name}}\` cannot be kept apart from \`\${${name}}\` here` }
  }
  return { value: `\${${name}${end}` }
}

function lookUp(name: string, end: string, schema: JsonSchema, around: Surroundings): Answer {
  if (end === '') {
    return {
      message: 'this `${` is not closed',
      remedy: 'add `}`, or write `$${` for the text itself',
    }
  }
  if (name.startsWith('env.')) return fromEnvironment(name, schema, around)
  if (replicaWords.includes(name)) {
    if (schema['x-references'] === 'replica') return { value: `\${${name}}` }
    return {
      message: `\`\${${name}}\` differs from replica to replica and has no value here`,
      remedy: 'use it under `run`, `env` or `check`',
    }
  }
  const [section = '', item = '', field = '', ...rest] = name.split('.')
  if (rest.length === 0 && (section === 'frontends' || section === 'services')) {
    if (schema['x-references'] !== 'replica') {
      return { message: `\`\${${name}}\` can stand only under \`run\`, \`env\` and \`check\`` }
    }
    return section === 'frontends'
      ? ofFrontend(name, item, field, around)
      : ofService(name, item, field, around)
  }
  if (rest.length === 0 && section === 'databases') {
    return ofDatabase(name, item, field, schema, around)
  }
  if (around.laterSections.includes(section)) {
    return {
      message: `\`\${${name}}\`: this version of Always On does not know \`${section}\` yet`,
    }
  }
  const known = [
    ...(schema['x-references'] === 'replica' ? replicaWords : []),
    'env.NAME',
    'frontends.NAME.url',
    'services.NAME.servers',
    'databases.NAME.url',
  ]
  const variable = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
  const word = replicaWords.find((one) => one === name.toLowerCase())
  return {
    message: `\`\${${name}}\` stands for nothing`,
    remedy:
      word !== undefined && known.includes(word)
        ? `did you mean \`\${${word}}\`?`
        : variable
          ? `for a variable write \`\${env.${name}}\`, for the text itself \`$\${${name}}\``
          : suggest(name, known),
  }
}

function fromEnvironment(name: string, schema: JsonSchema, around: Surroundings): Answer {
  const match = /^env\.([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(name)
  if (match === null) {
    return {
      message: `\`\${${name}}\` names no environment variable`,
      remedy: 'write `${env.NAME}`, or `${env.NAME:-what holds without it}`',
    }
  }
  const [, variable = '', otherwise] = match
  const reason = schema['x-no-env']
  if (reason !== undefined) {
    return {
      message: `\`\${env.${variable}}\` cannot stand here: ${reason}`,
      remedy: reason.includes('process list')
        ? `put it under \`env\`: \`{ ${variable}: "\${env.${variable}}" }\`, and read it there`
        : 'write the value itself if it is no secret',
    }
  }
  const value = around.env[variable]
  if (value !== undefined && (value !== '' || otherwise === undefined)) {
    return { value, fromEnv: true }
  }
  if (otherwise !== undefined) return { value: otherwise }
  const set = Object.keys(around.env).filter((one) => around.env[one] !== undefined)
  return {
    message: `the environment variable \`${variable}\` is not set`,
    remedy:
      set.length > 0 && suggest(variable, set)?.startsWith('did you')
        ? suggest(variable, set)
        : `set it, or give a default: \`\${env.${variable}:-…}\``,
  }
}

const frontendFields = ['url', 'host', 'port', 'address']

function ofFrontend(name: string, item: string, field: string, around: Surroundings): Answer {
  const section = entryOf(around.tree, 'frontends')?.value
  const frontend = entryOf(section, item)?.value
  if (frontend === undefined) {
    const remedy = suggest(item, namesIn(section))
    return { message: `\`\${${name}}\`: there is no frontend \`${item}\``, remedy }
  }
  if (!frontendFields.includes(field)) {
    const remedy = suggest(field, frontendFields)
    return { message: `\`\${${name}}\`: a frontend has no \`${field}\``, remedy }
  }
  const mode = entryOf(frontend, 'mode')?.value
  if (field === 'url' && mode?.kind === 'scalar' && mode.value === 'tcp') {
    return {
      message: `\`\${${name}}\`: a frontend in TCP mode has no URL`,
      remedy: `write \`\${frontends.${item}.address}\``,
    }
  }
  const bind = entryOf(frontend, 'bind')?.value
  const first = bind?.kind === 'list' ? bind.items[0] : bind
  const text = plainText(first, around)
  const address = text === undefined ? undefined : readBind(text)
  if (!address?.ok) return { message: undefined }
  const host = reachable(address.value.host)
  const { port } = address.value
  const inUrl = host.includes(':') ? `[${host}]` : host
  switch (field) {
    case 'host':
      return { value: host }
    case 'port':
      return { value: String(port) }
    case 'address':
      return { value: `${inUrl}:${port}` }
    default:
      return { value: `http://${inUrl}${port === 80 ? '' : `:${port}`}` }
  }
}

function ofService(name: string, item: string, field: string, around: Surroundings): Answer {
  const section = entryOf(around.tree, 'services')?.value
  const service = entryOf(section, item)?.value
  if (service === undefined) {
    const remedy = suggest(item, namesIn(section))
    return { message: `\`\${${name}}\`: there is no service \`${item}\``, remedy }
  }
  const servers = entryOf(service, 'servers')?.value
  if (field !== 'servers' || servers === undefined) {
    return {
      message:
        servers === undefined
          ? `\`\${${name}}\`: the replicas of \`${item}\` have no address of their own to name`
          : `\`\${${name}}\`: a service has no \`${field}\``,
      remedy:
        servers === undefined || ['url', 'address', 'host', 'port'].includes(field)
          ? 'name a frontend that routes to it: `${frontends.NAME.url}`'
          : suggest(field, ['servers']),
    }
  }
  const items = servers.kind === 'list' ? servers.items : []
  const texts = items.map((one) =>
    plainText(one.kind === 'map' ? entryOf(one, 'at')?.value : one, around),
  )
  return texts.length === 0 || texts.includes(undefined)
    ? { message: undefined }
    : { value: texts.join(',') }
}

/** The text of a scalar that may refer to the environment, but to no other section. */
function plainText(tree: Tree | undefined, around: Surroundings): string | undefined {
  if (tree?.kind !== 'scalar' || typeof tree.value !== 'string') return undefined
  let resolvable = true
  const text = tree.value.replaceAll(
    reference,
    (_whole, escaped: string, name: string, end: string) => {
      if (escaped === '$') return `\${${name}${end}`
      const match = /^env\.([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(name)
      const value = match === null ? undefined : around.env[match[1] ?? ''] || match[2]
      resolvable &&= value !== undefined
      return value ?? ''
    },
  )
  return resolvable ? text : undefined
}
