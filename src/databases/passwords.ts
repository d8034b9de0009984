// What are the passwords of a database? All follow from one secret, so that every machine that has
// that knows them, and none of them has to be kept anywhere or sent to anybody.

import { hkdfSync } from 'node:crypto'
import type { DatabaseAccounts } from './engine.ts'
import type { DatabasePlan } from './model.ts'

/** A password of 192 bits, in letters that need no quoting anywhere. */
const derive = (secret: string, what: string): string =>
  Buffer.from(hkdfSync('sha256', secret, '', `alwayson/databases/${what}`, 24)).toString(
    'base64url',
  )

/** Whom all members of a database know. */
export const accountsOf = ({ name, app }: DatabasePlan, secret: string): DatabaseAccounts => ({
  admin: { user: 'alwayson', password: derive(secret, `${name}/admin`) },
  replication: {
    user: 'alwayson_replication',
    password: derive(secret, `${name}/replication`),
  },
  app: { ...app, password: derive(secret, `${name}/app/${app.user}`) },
})
