// Records what foreign clients and Apache ZooKeeper say to each other, as the fixtures of
// src/wire/jute. Run by hand: node test/engines/record-jute.ts

import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { frameSplitter } from '../../src/wire/jute/frames.ts'
import { type Direction, openTcpProxy, type TcpProxy } from './tcp-proxy.ts'
import { until } from './waiting.ts'
import { openZooKeeper, zookeeperClassPath } from './zookeeper.ts'

const fixtures = join(import.meta.dirname, '../../src/wire/jute/fixtures')

/** What Apache's own command line is told; `-- cut` breaks its connection and waits for another. */
const commands = `
create /a one
create -s /a/sequential two
create -e /e three
create -e -s /e-sequential four
create -c /container
create -t 60000 /ttl five
create /a
create /none/child x
get -s -w /a
set /a six
set -s /a seven
set -v 1 /a eight
stat -w /missing
create /missing
ls -w /a
ls -s -R /a
create /a/b
addauth digest ann:secret
setAcl -s /a auth::cdrwa,world:anyone:r
getAcl -s /a
addWatch -m PERSISTENT_RECURSIVE /a
addWatch -m PERSISTENT /container
set /a/b nine
get -w /a/b
ls -w /a
-- cut
set /a/b ten
removewatches /a/b
removewatches /container
getEphemerals
getAllChildrenNumber /
whoami
sync /a
config
delete -v 7 /a
delete /a/b
delete /nowhere
deleteall /a
quit
`

const kazooStory = `
import sys, threading, time
from kazoo.client import KazooClient
from kazoo.security import make_digest_acl
c = KazooClient(hosts=sys.argv[1], timeout=5.0)
c.start()
c.add_auth('digest', 'bob:secret')
c.create('/k', b'one', acl=[make_digest_acl('bob', 'secret', all=True)])
c.create('/k/ä日本', b'two', include_data=True)
print(c.get('/k', watch=lambda e: None))
c.get_children('/k', include_data=True, watch=lambda e: None)
c.exists('/not-there', watch=lambda e: None)
c.set('/k', b'\\x00\\xff' * 200)
t = c.transaction(); t.create('/m'); t.set_data('/k', b'three', 1); t.check('/k', 2); t.delete('/m')
print(t.commit())
t = c.transaction(); t.create('/m'); t.check('/k', 7); t.delete('/m')
print(t.commit())
try: c.create('/k/ephemeral/child', b'', ephemeral=True)
except Exception as e: print(repr(e))
c.get('/k', watch=lambda e: None)
c.get_acls('/k'); c.sync('/k')
print('cut please', flush=True)
sys.stdin.readline()
while not c.connected: time.sleep(0.01)
c.get('/k')
c.stop(); c.close()
`

interface Recording {
  readonly proxy: TcpProxy
  readonly lines: string[]
}

async function record(port: number): Promise<Recording> {
  const lines: string[] = []
  const splitters = new Map<string, ReturnType<typeof frameSplitter>>()
  let last = -1
  const proxy = await openTcpProxy(port, (id: number, direction: Direction, chunk: Buffer) => {
    const key = `${id} ${direction}`
    const splitter = splitters.get(key) ?? frameSplitter()
    splitters.set(key, splitter)
    splitter.push(chunk, (frame) => {
      if (id !== last) lines.push(`connection ${id}`)
      last = id
      lines.push(`${direction === 'to-server' ? '>' : '<'} ${frame.rest().toString('hex')}`)
    })
  })
  return { proxy, lines }
}

const ended = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve) => child.once('close', resolve))

function save(name: string, title: string, recording: Recording): void {
  writeFileSync(join(fixtures, name), `# ${title}\n${recording.lines.join('\n')}\n`)
}

async function recordApache(port: number): Promise<void> {
  const recording = await record(port)
  await using proxy = recording.proxy
  const child = spawn(
    '/usr/bin/java',
    [
      ...['-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', zookeeperClassPath],
      ...['org.apache.zookeeper.ZooKeeperMain', '-server', `127.0.0.1:${proxy.port}`],
    ],
    { stdio: ['pipe', 'inherit', 'inherit'] },
  )
  for (const command of commands.trim().split('\n')) {
    const seen = recording.lines.length
    if (command === '-- cut') {
      const connections = proxy.accepted
      proxy.cut()
      await until('it connects again', () => proxy.accepted > connections)
      await until('it says what it watches', () => recording.lines.length > seen + 3)
      continue
    }
    child.stdin?.write(`${command}\n`)
    if (command === 'quit') break
    await until(`an answer to ${command}`, () => recording.lines.length > seen + 1)
  }
  await ended(child)
  save('apache.txt', 'zkCli and the server of Apache ZooKeeper 3.8.0', recording)
}

async function recordKazoo(port: number): Promise<void> {
  const recording = await record(port)
  await using proxy = recording.proxy
  const child = spawn('/usr/bin/python3', ['-c', kazooStory, `127.0.0.1:${proxy.port}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdout?.on('data', (text: Buffer) => {
    process.stdout.write(text)
    if (!text.includes('cut please')) return
    proxy.cut()
    child.stdin?.write('\n')
  })
  await ended(child)
  save('kazoo.txt', 'kazoo 2.8.0 and the server of Apache ZooKeeper 3.8.0', recording)
}

await using server = await openZooKeeper()
await recordApache(server.port)
await recordKazoo(server.port)
