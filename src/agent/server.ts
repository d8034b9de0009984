// The door of a running agent: HTTP on a socket that only this user can reach.

import { rmSync } from 'node:fs'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import { describeError, Fault } from '../foundation/fault.ts'
import type { AgentApi, ApiFault } from './api.ts'
import type { OpenJournal } from './journal.ts'

/** One answer for each question that may be asked. */
export type Answers = {
  readonly [Path in keyof AgentApi]: (
    ask: AgentApi[Path]['ask'],
  ) => AgentApi[Path]['answer'] | Promise<AgentApi[Path]['answer']>
}

/** Answers at `socket` until disposed. The caller holds the lock: a socket found there is stale. */
export async function serveAgent(
  socket: string,
  answers: Answers,
  journal: OpenJournal,
): Promise<AsyncDisposable> {
  const app = new Hono()
  for (const [path, answer] of Object.entries(answers)) {
    app.post(path, async (c) => {
      const question: unknown = await c.req.json()
      return c.json((await (answer as (ask: unknown) => unknown)(question)) as object)
    })
  }
  app.get('/events', (c) => {
    const last = Number(c.req.query('last') ?? 100)
    c.header('content-type', 'application/x-ndjson')
    return stream(c, async (out) => {
      const queue = journal.recent().slice(last === 0 ? Number.POSITIVE_INFINITY : -last)
      let wake = (): void => {}
      using _ = journal.follow((entry) => {
        queue.push(entry)
        wake()
      })
      out.onAbort(() => wake())
      do {
        for (const entry of queue.splice(0)) await out.write(`${JSON.stringify(entry)}\n`)
        if (c.req.query('follow') === undefined) return
        await new Promise<void>((resolve) => {
          wake = resolve
          if (queue.length > 0 || out.aborted) resolve()
        })
      } while (!out.aborted)
    })
  })
  app.onError((thrown, c) => c.json(faultOf(thrown), thrown instanceof Fault ? 409 : 500))

  rmSync(socket, { force: true })
  const server = createAdaptorServer({ fetch: app.fetch })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socket, resolve)
  })
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      if ('closeAllConnections' in server) server.closeAllConnections()
      await closed
      rmSync(socket, { force: true })
    },
  }
}

function faultOf(thrown: unknown): ApiFault {
  const { code, remedy } = thrown instanceof Fault ? thrown : { code: 'failed', remedy: undefined }
  return { code: code as ApiFault['code'], message: describeError(thrown), remedy }
}
