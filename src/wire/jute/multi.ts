// What does a multi hold? Several operations that succeed or fail as one: each behind a header,
// closed by a header that says done (MultiOperationRecord.java, MultiResponse.java).

import { corrupt, type Reader } from './archive.ts'
import { bool, int, type Layout, type Of, record } from './layout.ts'
import { type OpcodeName, opcode } from './opcodes.ts'
import {
  checkVersionRequest,
  create2Response,
  createRequest,
  createResponse,
  createTtlRequest,
  deleteRequest,
  getChildrenRequest,
  getChildrenResponse,
  getDataRequest,
  getDataResponse,
  nothing,
  setDataRequest,
  setDataResponse,
} from './records.ts'

/** What stands before each operation and each result of a multi. */
export const multiHeader = record({ type: int, done: bool, error: int })

const end = { type: -1, done: true, error: -1 } as const

const requests = {
  create: createRequest,
  create2: createRequest,
  createContainer: createRequest,
  createTTL: createTtlRequest,
  delete: deleteRequest,
  setData: setDataRequest,
  check: checkVersionRequest,
  getData: getDataRequest,
  getChildren: getChildrenRequest,
} as const

type Requests = typeof requests

/** One operation of a multi; the last two only stand in a `multiRead`. */
export type MultiOperation = {
  [K in keyof Requests]: { readonly kind: K } & Of<Requests[K]>
}[keyof Requests]

const results = {
  create: createResponse,
  create2: create2Response,
  delete: nothing,
  setData: setDataResponse,
  check: nothing,
  getData: getDataResponse,
  getChildren: getChildrenResponse,
  error: record({ error: int }),
} as const

type Results = typeof results

/**
 * What became of one operation; a container and a node with a TTL answer as `create2`. Of a failed
 * `multi` all are errors, with 0 for those that were fine and taken back.
 */
export type MultiResult = {
  [K in keyof Results]: { readonly kind: K } & (Of<Results[K]> extends undefined
    ? unknown
    : Of<Results[K]>)
}[keyof Results]

/** The layouts of a table as one that takes any of its kinds; the caller matches the kind. */
const layoutOf = (table: object, kind: string): Layout<object | undefined> =>
  (table as { readonly [kind: string]: Layout<object | undefined> })[kind] ?? nothing

const byType = <K extends OpcodeName>(table: Readonly<Record<K, unknown>>): Map<number, K> =>
  new Map((Object.keys(table) as K[]).map((kind) => [opcode[kind], kind]))

const requestKinds = byType(requests)
const resultKinds = byType(results)

function readAll<T>(from: Reader, kinds: ReadonlyMap<number, string>, table: object): T[] {
  const items: T[] = []
  for (;;) {
    const header = multiHeader.read(from)
    if (header.done) return items
    const kind = kinds.get(header.type)
    if (kind === undefined) throw corrupt(`nothing of type ${header.type} stands in a multi`)
    items.push({ kind, ...layoutOf(table, kind).read(from) } as T)
  }
}

/** The body of a `multi` or `multiRead` request. */
export const multiRequest: Layout<readonly MultiOperation[]> = {
  read: (from) => readAll(from, requestKinds, requests),
  write(to, operations) {
    for (const operation of operations) {
      multiHeader.write(to, { type: opcode[operation.kind], done: false, error: -1 })
      layoutOf(requests, operation.kind).write(to, operation)
    }
    multiHeader.write(to, end)
  },
  least: multiHeader.least,
}

/** The body of the answer to a `multi` or `multiRead`: one result an operation, in their order. */
export const multiResponse: Layout<readonly MultiResult[]> = {
  read: (from) => readAll(from, resultKinds, results),
  write(to, answers) {
    for (const answer of answers) {
      const error = answer.kind === 'error' ? answer.error : 0
      multiHeader.write(to, { type: opcode[answer.kind], done: false, error })
      layoutOf(results, answer.kind).write(to, answer)
    }
    multiHeader.write(to, end)
  },
  least: multiHeader.least,
}
