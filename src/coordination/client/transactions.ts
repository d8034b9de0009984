// What can be asked about several nodes at once: all or nothing, and at one point of time.

import { anyVersion } from '../../wire/jute/opcodes.ts'
import type { Asker } from './ask.ts'
import { ZooKeeperError } from './errors.ts'
import type { Change, Changed, Read, ReadResult } from './model.ts'
import { changedBy, operationOf, readOf, readResultOf } from './values.ts'

/** The operations on several nodes. */
export interface TransactionOperations {
  /**
   * Does all of the changes or none of them. Fails with the error of the change that failed first,
   * whose index is the error's `failedAt`.
   *
   * ```ts
   * await client.multi([
   *   { kind: 'check', path: '/epoch', version: 7 },
   *   { kind: 'set', path: '/primary', data: 'db-2' },
   * ])
   * ```
   */
  multi(changes: readonly Change[], signal?: AbortSignal): Promise<readonly Changed[]>
  /** Reads several nodes at one point of time; each may fail alone. Since ZooKeeper 3.6. */
  multiRead(reads: readonly Read[], signal?: AbortSignal): Promise<readonly ReadResult[]>
  /** Fails with `bad-version` or `no-node` unless the node has this version. */
  check(path: string, version: number, signal?: AbortSignal): Promise<void>
  /**
   * What is read after it is no older than this call: asks for a write that changes nothing, and
   * its answer comes when this session's server has done all that stood before it. Needs leave to
   * read the root, and a quorum. Stricter than `sync`, see there.
   */
  catchUp(signal?: AbortSignal): Promise<void>
}

export function transactionOperations({ ask, real, shown }: Asker): TransactionOperations {
  const multi: TransactionOperations['multi'] = async (changes, signal) => {
    const operations = changes.map((change) => operationOf(change, real))
    return ask(
      {
        name: 'multi',
        verb: 'do several changes at once',
        changes: true,
        request: () => operations,
        take: (results) => changedBy(results, changes, shown),
      },
      signal,
    )
  }
  return {
    multi,
    async multiRead(reads, signal) {
      const operations = reads.map((read) => readOf(read, real(read.path, 'read')))
      return ask(
        {
          name: 'multiRead',
          verb: 'read several nodes at once',
          request: () => operations,
          take: (results) => results.map((result, at) => readResultOf(result, reads[at])),
        },
        signal,
      )
    },
    catchUp: (signal) =>
      // Not marked as a change: asking twice does no harm.
      ask(
        {
          name: 'multi',
          verb: 'catch up',
          request: () => [{ kind: 'check', path: real('/', 'catch up'), version: anyVersion }],
          take: (results) => void changedBy(results, [nothing], shown),
        },
        signal,
      ),
    async check(path, version, signal) {
      try {
        // On its own the operation has no answer in Apache's server: within a multi it has.
        await multi([{ kind: 'check', path, version }], signal)
      } catch (thrown) {
        if (!(thrown instanceof ZooKeeperError) || thrown.failedAt === undefined) throw thrown
        throw new ZooKeeperError(thrown.error, 'check', { path, cause: thrown })
      }
    },
  }
}

const nothing = { kind: 'check', path: '/', version: anyVersion } as const
