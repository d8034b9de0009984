// A primary and a replica of MySQL that somebody else has set up, in name only, and a file that
// names both.

import assert from 'node:assert/strict'
import { judge } from '../../src/databases/adoption/judge.ts'
import type { AdoptedMember, RunningServer } from '../../src/databases/adoption/model.ts'
import { mysqlAdopter } from '../../src/databases/engines/mysql/adopt.ts'
import { parseSpec } from '../../src/spec/parse.ts'
import { accounts, soon } from '../conformance/database-scene.ts'
import { type ForeignFacts, ForeignMysql } from './foreign-mysql.ts'
import type { ScriptedState } from './scripted-mysql.ts'

/** Who writes. */
export const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562'

/** In what one of them differs from a usual one. */
export interface Change {
  readonly state?: Partial<ScriptedState>
  readonly facts?: Partial<ForeignFacts>
}

/** Two servers as a file names them. */
export interface Pair extends AsyncDisposable {
  readonly one: ForeignMysql
  readonly two: ForeignMysql
  /** The first or the second member, as an adopter is told of it. */
  member(index: 0 | 1): AdoptedMember
  /** All that speaks against the two. */
  judged(): Promise<string>
  changed(): readonly string[]
}

function planOf(ports: readonly number[], more = '') {
  const text = `
databases:
  orders:
    engine: mysql
    members: [${ports.map((port) => `{ at: "127.0.0.1:${port}" }`).join(', ')}]
    durability: async
    credentials: { user: root, password: "\${env.SECRET}" }
    ${more}
`
  const env = { SECRET: 'root-secret' }
  const parsed = parseSpec({ text, file: '/srv/a.yaml', env, cores: 2, readFile: () => '' })
  if (parsed.kind !== 'spec') throw new Error(JSON.stringify(parsed.problems))
  return parsed.spec.databases.orders ?? assert.fail()
}

/** A primary with transactions 1 to 9, and a replica that has all of them. */
export async function openMysqlPair(
  primary: Change = {},
  replica: Change = {},
  more = '',
): Promise<Pair> {
  const executed = `${uuid}:1-9`
  const replicas = [{ Server_Id: 102, Host: '', Port: 3306 }]
  const one = new ForeignMysql({ executed, ...primary.state }, { replicas, ...primary.facts })
  await one.open()
  const two = new ForeignMysql(
    {
      ...{ executed, isShut: true, readOnly: true, io: 'Yes', isApplying: true, retrieved: '' },
      ...{ source: { host: 'localhost', port: one.port, user: 'copier' }, ...replica.state },
    },
    { serverId: 102, ...replica.facts },
  )
  // Nothing was received since it was started: it stays what it has.
  two.state.retrieved = replica.state?.retrieved ?? two.state.executed
  await two.open()
  const plan = planOf([one.port, two.port], more)
  const member = (index: 0 | 1): AdoptedMember => ({
    ...{ plan, accounts, member: plan.members[index] ?? assert.fail() },
  })
  return {
    ...{ one, two, member },
    async judged() {
      const servers = await Promise.all([looked(member(0)), looked(member(1))])
      const said = judge(plan, mysqlAdopter.harmonise(servers), mysqlAdopter)
      for (const { remedy } of said) assert.ok(remedy.length > 10)
      return said.map(({ what }) => what).join('; ')
    },
    changed: () => [...one.said, ...two.said].filter((each) => !/^SET SESSION/.test(each)),
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]()
      await two[Symbol.asyncDispose]()
    },
  }
}

/** What is seen of one. */
export const looked = (member: AdoptedMember): Promise<RunningServer> =>
  mysqlAdopter.look(member, soon())
