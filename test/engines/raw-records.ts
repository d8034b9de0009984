// The records that raw requests are made of, where tests would repeat them.

import { permission } from '../../src/wire/jute/opcodes.ts'
import type { Acl } from '../../src/wire/jute/records.ts'

/** Everybody may do everything. */
export const openCreateAcl: readonly Acl[] = [
  { perms: permission.all, id: { scheme: 'world', id: 'anyone' } },
]
