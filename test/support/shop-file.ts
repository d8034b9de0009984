// The file of the example shop without its database: for what is measured or installed without
// one.

import assert from 'node:assert/strict'

/** `text` without `databases:` and what is told of it. Fails if the example has changed. */
export function withoutDatabase(text: string): string {
  const [before = '', after] = text.split('\ndatabases:')
  const rest = before.replace(/ {4}env: \{ DATABASE_URL: .*\n/, '')
  assert.ok(after !== undefined && rest !== before, 'the example has changed')
  return rest
}
