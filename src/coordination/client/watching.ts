// What can be asked about watches: one that stays until it is no longer wanted, and the end of any.

import { addWatchMode, watcherType } from '../../wire/jute/opcodes.ts'
import type { Asker } from './ask.ts'
import { isZooKeeperError } from './errors.ts'
import type { Watch, WatchListener } from './model.ts'
import { tablesOf } from './watches.ts'

/** The operations on watches. */
export interface WatchOperations {
  /**
   * Watches a node and its list of children, or with `recursive` the node and all below it, until
   * disposed. After a lost connection the listener hears a `gap`: what changed meanwhile has not
   * been told. Since ZooKeeper 3.6.
   */
  addWatch(
    path: string,
    listener: WatchListener,
    options?: { readonly recursive?: boolean },
    signal?: AbortSignal,
  ): Promise<Watch>
  /**
   * Removes all watches of this session on a path, or those of one kind; each hears `removed`.
   * Fails with `no-watcher` if there is none.
   */
  removeWatches(
    path: string,
    type?: 'children' | 'data' | 'any',
    signal?: AbortSignal,
  ): Promise<void>
}

export function watchOperations({ ask, real, driver }: Asker): WatchOperations {
  const remove = (path: string, type: keyof typeof watcherType, signal?: AbortSignal) =>
    ask(
      {
        name: 'removeWatches',
        verb: 'remove the watches of',
        path,
        request: (node) => ({ path: node, type: watcherType[type] }),
        take: () => {},
      },
      signal,
    )
  return {
    async addWatch(path, listener, { recursive = false } = {}, signal) {
      const table = recursive ? 'recursive' : 'persistent'
      // Its own function, so that the same listener may watch twice and end once.
      const watch: WatchListener = (event) => listener(event)
      await ask(
        {
          name: 'addWatch',
          verb: 'watch',
          path,
          watch,
          watches: { there: table },
          request: (node) => ({
            path: node,
            mode: addWatchMode[recursive ? 'persistent-recursive' : 'persistent'],
          }),
          take: () => {},
        },
        signal,
      )
      const node = real(path, 'watch')
      return {
        path,
        recursive,
        async [Symbol.asyncDispose]() {
          if (!driver.watches.remove(table, node, watch)) return
          // Servers before 3.9 cannot remove this kind alone: others on the path need it kept.
          if (driver.state.kind !== 'connected' || driver.watches.has(node)) return
          try {
            await remove(path, 'any')
          } catch (thrown) {
            // With the connection or the session the server has forgotten it on its own.
            if (!isZooKeeperError(thrown, 'no-watcher', 'connection-loss', 'session-expired')) {
              throw thrown
            }
          }
        },
      }
    },
    async removeWatches(path, type = 'any', signal) {
      await remove(path, type, signal)
      const node = real(path, 'remove the watches of')
      for (const table of tablesOf(type)) driver.watches.end(table, node)
    },
  }
}
