// Links between processes: what a peer that has frozen may cost.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { listenForLinks } from './link.ts'

test('a socket is one user’s alone from its first moment on, in whatever folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ao-link-'))
  const umask = process.umask(0o002)
  try {
    chmodSync(folder, 0o2775)
    const path = join(folder, 'open.sock')
    const opening = listenForLinks(path, () => ({ message: () => {}, ended: () => {} }))
    const first = statSync(path).mode
    using _server = await opening
    assert.equal(first & 0o077, 0)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(process.umask(), 0o002)
  } finally {
    process.umask(umask)
    rmSync(folder, { recursive: true, force: true })
  }
})

const link = JSON.stringify(import.meta.resolve('./link.ts'))

test('a closed link lets its process end although the peer never closes its side', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ao-link-'))
  const path = join(folder, 'frozen.sock')
  const peers: Socket[] = []
  // As a stopped process: the kernel accepts and takes bytes, and nobody ever closes.
  const server = createServer({ allowHalfOpen: true }, (peer) => void peers.push(peer.resume()))
  server.listen(path)
  await once(server, 'listening')
  const code = `
    const { openLink } = await import(${link})
    const link = await openLink(${JSON.stringify(path)}, { message() {}, ended() {} })
    link.send({ kind: 'ask' })
    link.close()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' })
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000)
  try {
    assert.deepEqual(await once(child, 'exit'), [0, null])
  } finally {
    clearTimeout(late)
    for (const peer of peers) peer.destroy()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
