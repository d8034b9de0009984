// Which records belong to which operation? The table that a client and a server share.

import type { Layout, Of } from './layout.ts'
import { multiRequest, multiResponse } from './multi.ts'
import { opcode } from './opcodes.ts'
import * as records from './records.ts'

/** One operation: its number, what it is asked with, and what it is answered with. */
export interface Operation<Request, Response> {
  readonly type: number
  readonly request: Layout<Request>
  readonly response: Layout<Response>
}

const operation = <Q, R>(
  type: number,
  request: Layout<Q>,
  response: Layout<R>,
): Operation<Q, R> => ({ type, request, response })

const { nothing } = records

/** Every operation that a client may ask for. */
export const operations = {
  create: operation(opcode.create, records.createRequest, records.createResponse),
  create2: operation(opcode.create2, records.createRequest, records.create2Response),
  createContainer: operation(
    opcode.createContainer,
    records.createRequest,
    records.create2Response,
  ),
  createTTL: operation(opcode.createTTL, records.createTtlRequest, records.create2Response),
  delete: operation(opcode.delete, records.deleteRequest, nothing),
  deleteContainer: operation(opcode.deleteContainer, records.deleteContainerRequest, nothing),
  exists: operation(opcode.exists, records.existsRequest, records.existsResponse),
  getData: operation(opcode.getData, records.getDataRequest, records.getDataResponse),
  setData: operation(opcode.setData, records.setDataRequest, records.setDataResponse),
  getACL: operation(opcode.getACL, records.getAclRequest, records.getAclResponse),
  setACL: operation(opcode.setACL, records.setAclRequest, records.setAclResponse),
  getChildren: operation(
    opcode.getChildren,
    records.getChildrenRequest,
    records.getChildrenResponse,
  ),
  getChildren2: operation(
    opcode.getChildren2,
    records.getChildrenRequest,
    records.getChildren2Response,
  ),
  getAllChildrenNumber: operation(
    opcode.getAllChildrenNumber,
    records.getAllChildrenNumberRequest,
    records.getAllChildrenNumberResponse,
  ),
  getEphemerals: operation(
    opcode.getEphemerals,
    records.getEphemeralsRequest,
    records.getEphemeralsResponse,
  ),
  sync: operation(opcode.sync, records.syncRequest, records.syncResponse),
  ping: operation(opcode.ping, nothing, nothing),
  check: operation(opcode.check, records.checkVersionRequest, nothing),
  multi: operation(opcode.multi, multiRequest, multiResponse),
  multiRead: operation(opcode.multiRead, multiRequest, multiResponse),
  reconfig: operation(opcode.reconfig, records.reconfigRequest, records.getDataResponse),
  checkWatches: operation(opcode.checkWatches, records.removeWatchesRequest, nothing),
  removeWatches: operation(opcode.removeWatches, records.removeWatchesRequest, nothing),
  auth: operation(opcode.auth, records.authPacket, nothing),
  sasl: operation(opcode.sasl, records.saslRequest, records.saslResponse),
  setWatches: operation(opcode.setWatches, records.setWatchesRequest, nothing),
  setWatches2: operation(opcode.setWatches2, records.setWatches2Request, nothing),
  addWatch: operation(opcode.addWatch, records.addWatchRequest, records.addWatchResponse),
  whoAmI: operation(opcode.whoAmI, nothing, records.whoAmIResponse),
  closeSession: operation(opcode.closeSession, nothing, nothing),
} as const

export type Operations = typeof operations
export type OperationName = keyof Operations

/** What an operation is asked with. */
export type RequestOf<N extends OperationName> = Of<Operations[N]['request']>
/** What an operation is answered with. */
export type ResponseOf<N extends OperationName> = Of<Operations[N]['response']>

const byType = new Map<number, OperationName>(
  (Object.keys(operations) as OperationName[]).map((name) => [operations[name].type, name]),
)

/** The name of the operation that a request header asks for; `undefined` if there is none. */
export const operationName = (type: number): OperationName | undefined => byType.get(type)

/** How the answer to an operation is laid out. */
export const responseLayout = <N extends OperationName>(name: N): Layout<ResponseOf<N>> =>
  operations[name].response as unknown as Layout<ResponseOf<N>>
