// The socket at which HAProxy's words are taken: one line of commands and its end, or with `prompt`
// one line after the other.

import { chmodSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { Fault, systemCode } from '../../foundation/fault.ts'

/** Longer lines are nobody's commands. */
const lineMost = 16 * 1024
const connectionsMost = 64
/** Who says nothing for so long is let go: a script, and a person at a prompt. */
const patience = { line: 10_000, prompt: 600_000 }

/**
 * Answers at `path`, which only those whom `mode` lets may open. Throws a Fault if it cannot be
 * had: a socket that nobody listens at is taken over, anything else there is not touched.
 */
export async function serveWords(
  { path, mode }: { readonly path: string; readonly mode: number },
  answer: (command: string) => string,
): Promise<Disposable> {
  await clear(path)
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    converse(socket, answer)
  })
  server.maxConnections = connectionsMost
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(path, cause)))
    // Bound within this call: between that and chmod nobody else may open it.
    const before = process.umask(0o177)
    try {
      server.listen(path, resolve)
    } finally {
      process.umask(before)
    }
  })
  chmodSync(path, mode)
  return {
    [Symbol.dispose]() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

async function clear(path: string): Promise<void> {
  try {
    if (!statSync(path).isSocket()) {
      throw new Fault('in-use', `${path} is there, and is no socket`, {
        remedy: 'choose another path for `stats_socket`',
      })
    }
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return
    throw thrown
  }
  const isAlive = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
  if (isAlive) {
    throw new Fault('in-use', `another process answers at ${path}`, {
      remedy: 'choose another path for `stats_socket`',
    })
  }
  rmSync(path, { force: true })
}

const cannotListen = (path: string, cause: unknown): Fault =>
  new Fault('refused', `cannot listen at ${path} (${systemCode(cause) ?? ''})`, {
    cause,
    remedy: 'the folder of `stats_socket` must exist, and be writable',
  })

/** `;` ends a command, unless a backslash stands before it. */
const split = (line: string): readonly string[] =>
  line.split(/(?<!\\);/).map((command) => command.replaceAll('\\;', ';').trim())

function converse(socket: Socket, answer: (command: string) => string): void {
  let rest = ''
  let prompts = false
  let isOver = false
  const over = (): void => {
    isOver = true
    socket.end()
  }
  const obey = (line: string): void => {
    for (const command of split(line)) {
      if (command === 'quit') return over()
      if (command === 'prompt') prompts = !prompts
      const said = command === 'prompt' || command === '' ? '' : answer(command)
      socket.write(`${said}\n${prompts ? '> ' : ''}`)
    }
    if (!prompts) over()
  }
  socket.setTimeout(patience.line, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('end', () => {
    if (!isOver && rest.trim() !== '') obey(rest)
    over()
  })
  socket.on('data', (bytes) => {
    rest += bytes.toString('latin1')
    for (let end = rest.indexOf('\n'); end >= 0 && !isOver; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 1)
      obey(line)
    }
    if (rest.length > lineMost) socket.destroy()
    socket.setTimeout(prompts ? patience.prompt : patience.line)
  })
}
