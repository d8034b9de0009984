// The same words to HAProxy and to us, in front of the same servers: the same answers, column for
// column, as far as they do not tell of time and counts.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { ms, openClock, sleep } from '../../src/foundation/time.ts'
import { serveWords } from '../../src/telemetry/haproxy/socket.ts'
import { answerTo, type Deeds } from '../../src/telemetry/haproxy/words.ts'
import type { Scene, ServerScene } from '../../src/telemetry/model.ts'
import { scene, serverScene } from '../fixtures/scene.ts'

const none = spawnSync('haproxy', ['-v']).status === 0 ? false : 'haproxy is not installed'
const clock = openClock()

/** All that is answered to a line over a socket. */
function ask(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    const socket = connect(path, () => socket.write(`${line}\n`))
    socket.on('data', (bytes) => {
      said += bytes.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(said))
  })
}

/** Servers that take connections and answer any request. */
async function openServers(count: number): Promise<readonly Server[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined)
        socket.on('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\n'))
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      return server
    }),
  )
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** Our side: a scene that changes as the words say. */
function openOurs(ports: readonly number[]): { scene: () => Scene; deeds: Deeds } {
  const servers = new Map<string, ServerScene>(
    ports.map((port, at) => [
      `web-${at + 1}`,
      serverScene(`web-${at + 1}`, {
        ...{ port, weight: at === 0 ? 2 : 1, weightInFile: at === 0 ? 2 : 1, backup: at === 1 },
        ...{ maxConnections: at === 0 ? 20 : undefined, active: 0 },
      }),
    ]),
  )
  const change = (id: string, more: Partial<ServerScene>): void => {
    servers.set(id, { ...servers.get(id)!, ...more })
  }
  const base = scene()
  return {
    scene: () => ({
      ...base,
      services: [{ ...base.services[0]!, servers: [...servers.values()] }],
    }),
    deeds: {
      tell: (id, told) => change(id, { told, routed: told === 'ready' ? 'up' : 'draining' }),
      weigh: (id, weight) => change(id, { weight }),
      move: (id, host, port) => change(id, { host, port }),
      limit: (id, most) => change(id, { maxConnections: most }),
      limitFrontend: () => undefined,
    },
  }
}

async function withBoth(run: (theirs: string, ours: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'words-'))
  const servers = await openServers(2)
  const [theirs, ours] = [join(folder, 'theirs.sock'), join(folder, 'ours.sock')]
  const [first, second] = servers.map(portOf)
  const door = await openServers(1)
  const doorPort = portOf(door[0]!)
  await new Promise((closed) => door[0]!.close(closed))
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    [
      `global\n stats socket ${theirs} level admin\n maxconn 100`,
      'defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 1s',
      `frontend public\n bind 127.0.0.1:${doorPort}\n maxconn 100\n default_backend web`,
      'backend web\n balance roundrobin\n option httpchk GET /\n default-server inter 100ms',
      ` server web-1 127.0.0.1:${first} check weight 2 maxconn 20 rise 2 fall 3`,
      ` server web-2 127.0.0.1:${second} check backup rise 2 fall 3\n`,
    ].join('\n'),
  )
  const child = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const mine = openOurs(servers.map(portOf))
  const answer = (command: string): string =>
    answerTo(command, { scene: mine.scene(), deeds: mine.deeds })
  const window = await serveWords({ path: ours, mode: 0o600 }, answer)
  try {
    const deadline = clock.now() + 15_000
    const isUp = async (): Promise<boolean> =>
      existsSync(theirs) && (await ask(theirs, 'show stat')).split('L7OK').length === 3
    while (!(await isUp())) {
      if (clock.now() > deadline) throw new Error('haproxy does not see its servers')
      await sleep(clock, ms(20))
    }
    await run(theirs, ours)
  } finally {
    window[Symbol.dispose]()
    child.kill('SIGKILL')
    await ended
    for (const server of servers) server.close()
    rmSync(folder, { recursive: true })
  }
}

/** Words whose answers are the same to the byte. */
const exact = [
  ...['set server web/web-1 state drain', 'set server web/nope state drain'],
  ...['set server nope/web-1 state drain', 'set server web/web-1 state sleepy'],
  ...['set server web/web-1 state', 'set server web/web-1 weight', 'set server', 'disable server'],
  ...['set server web/web-1 weight 300', 'set server web/web-1 weight -1', 'enable server web'],
  ...['set server web/web-1 weight abc', 'set server web/web-1 weight 50%', 'get weight web/web-1'],
  ...['set weight web/web-1 3', 'get weight web/web-1', 'get weight nope/x', 'get weight web'],
  ...['set server web/web-1 addr', 'set server web/web-1 addr xx', 'show servers state nope'],
  ...['set server web/web-1 addr 127.0.0.1', 'show servers conn nope', 'show backend', 'quit'],
  ...['set maxconn server web/web-1', 'set maxconn server web/web-1 abc'],
  ...['set maxconn server nope/web-1 3', 'set maxconn server web/web-1 5'],
  ...['set maxconn frontend nope 10', 'set maxconn frontend public', 'disable server web/zz'],
  ...['set maxconn frontend public 10', 'set server #3/#2 weight 4', 'get weight web/web-2'],
  ...['show backend;get weight web/web-2', 'get weight web/web-2;quit;show backend'],
  ...['set server web/web-1 state ready', 'disable server web/web-2', 'enable server web/web-2'],
]

suite('beside HAProxy', { skip: none }, () => {
  test('words that change something are answered the same', async () => {
    await withBoth(async (theirs, ours) => {
      for (const line of exact) {
        assert.equal(await ask(ours, line), await ask(theirs, line), line)
      }
    })
  })

  test('states are numbered and named the same, whatever the servers were told', async () => {
    await withBoth(async (theirs, ours) => {
      const both = async (line: string): Promise<void> => {
        await ask(theirs, line)
        await ask(ours, line)
      }
      const columns = async (path: string): Promise<unknown> => {
        const [, header = '', ...rows] = (await ask(path, 'show servers state')).trim().split('\n')
        const names = header.slice(2).split(' ')
        // These go on moving while they are asked for, with the clock and with each check.
        const moving = ['srv_time_since_last_change', 'srv_check_health']
        const still = names.filter((name) => !moving.includes(name))
        const values = rows.map((row) => {
          const cells = row.split(' ')
          return still.map((name) => `${name} ${cells[names.indexOf(name)]}`)
        })
        return { header, values }
      }
      const status = async (path: string): Promise<unknown> => {
        const rows = (await ask(path, 'show stat web 4 -1')).split('\n').slice(1, 3)
        return rows.map((row) => row.split(',')[17])
      }
      assert.deepEqual(await columns(ours), await columns(theirs))
      // Back from maintenance HAProxy asks anew, which takes its time: so that comes last.
      for (const word of ['state drain', 'state ready', 'weight 7', 'state maint']) {
        await both(`set server web/web-1 ${word}`)
        assert.deepEqual(await columns(ours), await columns(theirs), word)
        assert.deepEqual(await status(ours), await status(theirs), word)
      }
    })
  })

  test('statistics have the same columns, each filled in the same rows', async () => {
    await withBoth(async (theirs, ours) => {
      const filled = async (path: string) => {
        const [header = '', ...rows] = (await ask(path, 'show stat')).trimEnd().split('\n')
        const names = header.split(',')
        return {
          header,
          rows: rows.map((row) =>
            row.split(',').flatMap((cell, at) => (cell === '' ? [] : [names[at]])),
          ),
        }
      }
      const [mine, real] = [await filled(ours), await filled(theirs)]
      assert.equal(mine.header, real.header)
      // A check that passed says nothing of itself, a code of an answer apart.
      const known = (row: readonly (string | undefined)[]) => row.filter((n) => n !== 'check_code')
      assert.deepEqual(mine.rows.map(known), real.rows.map(known))
      const typed = async (path: string): Promise<readonly string[]> =>
        (await ask(path, 'show stat typed'))
          .trim()
          .split('\n')
          .map((line) => line.split(':').slice(0, 3).join(':'))
          .filter((line) => !line.includes('check_code') && !line.includes('last_chk'))
      assert.deepEqual(await typed(ours), await typed(theirs))
      const json = async (path: string): Promise<unknown> =>
        JSON.parse(await ask(path, 'show stat json')).map((row: { field: object }[]) =>
          row.map(({ field }) => field),
        )
      assert.equal(JSON.stringify(await json(ours)).includes('"name":"qcur"'), true)
    })
  })
})
