// The command line as a person uses it, with real agents, edges, guards and replicas.

import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import type { Status } from '../../src/agent/model.ts'
import { leftOf, listening, openShop, type Shop, until } from './shop.ts'

const pidsOf = (status: Status): readonly (number | undefined)[] =>
  status.services.flatMap(({ servers }) => servers.map(({ process }) => process?.pid))

/** Starts the shop in the background; it must come up. */
async function up(shop: Shop): Promise<Status> {
  const { code, err, out } = await shop.run('up', '--detach')
  assert.equal(code, 0, err)
  assert.match(out, new RegExp(`shop is up: http://127.0.0.1:${shop.port}\n`))
  return shop.status()
}

suite('a shop in the background', () => {
  test('comes up, says so, answers, and goes down without a trace', async () => {
    await using shop = await openShop()
    const status = await up(shop)
    assert.deepEqual(
      status.services.map(({ name, up, wanted }) => ({ name, up, wanted })),
      [{ name: 'web', up: 2, wanted: 2 }],
    )
    assert.ok(pidsOf(status).includes((await shop.get()).pid))

    const table = await shop.run('status')
    assert.match(table.out, /^shop: everything is up/)
    assert.match(table.out, /web-1 +up /)

    const down = await shop.run('down')
    assert.equal(down.code, 0, down.err)
    assert.match(down.out, /everything has ended/)
    assert.deepEqual(leftOf(shop.folder), [])
    await assert.rejects(shop.get())
    assert.equal((await shop.run('status')).code, 3)
  })

  test('brings back a replica that was killed, and tells why it was gone', async () => {
    await using shop = await openShop()
    const [victim] = pidsOf(await up(shop))
    process.kill(victim!, 'SIGKILL')
    const back = await until('the replica is back', async () => {
      const web = await shop.web()
      const [first] = web.servers
      return web.up === 2 && first?.process?.restarts === 1 && first.process.pid !== victim && first
    })
    assert.equal(back.id, 'web-1')
    const { out } = await shop.run('events')
    assert.match(out, /web-1 .*SIGKILL/)
    const explained = await shop.run('why', 'web-1')
    assert.match(explained.out, /^web-1\n {2}web-1 is up and takes requests\n/)
  })

  test('drains a server, showing what is in flight, and lets it back', async () => {
    await using shop = await openShop()
    await up(shop)
    const slow = [1, 2, 3, 4].map(() => shop.get('/?takes=5000'))
    await until('a slow request is on web-1', async () => {
      return ((await shop.web()).servers[0]?.active ?? 0) > 0
    })
    const drained = await shop.run('drain', 'web-1', '--wait')
    assert.equal(drained.code, 0, drained.err)
    assert.match(drained.err, /web-1: \d+ requests? in flight/)
    assert.match(drained.out, /nothing is in flight on it: it can be stopped\n$/)
    await Promise.all(slow)

    const { servers } = await shop.web()
    const pids = await Promise.all(Array.from({ length: 8 }, async () => (await shop.get()).pid))
    assert.deepEqual(new Set(pids), new Set([servers[1]?.process?.pid]))

    const last = await shop.run('drain', 'web-2')
    assert.equal(last.code, 1)
    assert.match(last.err, /no other server of web is up\n {2}remedy: .*--force/)

    assert.equal((await shop.run('undrain', 'web-1')).code, 0)
    await until('web-1 takes requests', async () => (await shop.web()).up === 2)
    assert.equal((await shop.run('undrain', 'web-1')).code, 1)
  })

  test('deploys what is good and rolls back what is not', async () => {
    await using shop = await openShop()
    await up(shop)
    shop.release({ version: 'two' })
    const good = await shop.run('deploy', 'web')
    assert.equal(good.code, 0, good.err)
    assert.match(good.out, /web runs revision 2: 2 of 2 up/)
    assert.equal((await shop.get()).version, 'two')

    shop.release({ version: 'three', ill: true })
    const ill = await shop.run('deploy', 'web')
    assert.equal(ill.code, 1)
    assert.match(ill.err, /revision 3 of web was rolled back: web-\d is not up after 8s/)
    assert.match(ill.err, /revision 2 stays\n {2}remedy: /)
    for (let asks = 0; asks < 6; asks += 1) assert.equal((await shop.get()).version, 'two')
  })

  test('does not call a file in force that was rolled back', async () => {
    await using shop = await openShop()
    await up(shop)
    // Before it has been up for a moment there is no revision to go back to.
    await until('it has proven itself', async () => (await shop.web()).rule === 'steady')
    shop.release({ version: 'two', ill: true })
    shop.write({ replicas: 2, more: '    env: { RELEASE: two }\n' })
    assert.match((await shop.run('apply')).err, /revision 2 of web was rolled back: /)
    const again = await shop.run('apply')
    assert.equal(again.code, 1, again.out)
    assert.match(again.err, /nothing differs, but revision 2 of web was .*; revision 1 stays\n/)
    assert.match(again.err, /remedy: mend it, or try again: alwayson deploy web\n/)
  })

  test('restarts every replica of a service without missing an answer', async () => {
    await using shop = await openShop()
    const before = pidsOf(await up(shop))
    const { code, err, out } = await shop.run('restart', 'web')
    assert.equal(code, 0, err)
    assert.match(out, /web: 2 of 2 replicas exchanged, 2 of 2 up/)
    const after = pidsOf(await shop.status())
    assert.equal(after.filter((pid) => before.includes(pid)).length, 0)
  })

  test('shows what a changed file would do, and does it', async () => {
    await using shop = await openShop()
    const before = pidsOf(await up(shop))
    assert.match((await shop.run('apply')).out, /^nothing differs/)

    shop.write({ replicas: 3 })
    const dry = await shop.run('apply', '--dry-run')
    assert.equal(dry.code, 0, dry.err)
    assert.match(dry.out, /what would be done\n {2}start 1 more replica of web\n/)
    assert.deepEqual(pidsOf(await shop.status()), before)

    const applied = await shop.run('apply')
    assert.equal(applied.code, 0, applied.err)
    const after = pidsOf(await shop.status())
    assert.equal(after.length, 3)
    assert.deepEqual(after.slice(0, 2), before)

    shop.write({ replicas: 2, more: '    nonsense: 1\n' })
    const wrong = await shop.run('apply')
    assert.equal(wrong.code, 2)
    assert.match(wrong.err, /alwayson.yaml:\d+:5: fault: .*nonsense/)
    assert.deepEqual(pidsOf(await shop.status()), after)
  })
})

suite('an agent that dies', () => {
  test('is followed by one that adopts every replica and edge', async () => {
    await using shop = await openShop()
    const before = await up(shop)
    process.kill(before.agent.pid, 'SIGKILL')
    await until('the agent is gone', async () => (await shop.run('status')).code === 3)
    assert.ok(pidsOf(before).includes((await shop.get()).pid), 'nobody serves without an agent')

    const after = await up(shop)
    assert.notEqual(after.agent.pid, before.agent.pid)
    assert.deepEqual(pidsOf(after), pidsOf(before))
    assert.deepEqual(
      after.edges.map(({ pid }) => pid),
      before.edges.map(({ pid }) => pid),
    )
  })

  test('leaves what down ends without it', async () => {
    await using shop = await openShop()
    const { agent } = await up(shop)
    process.kill(agent.pid, 'SIGKILL')
    await until('the agent is gone', async () => (await shop.run('status')).code === 3)
    const { code, out, err } = await shop.run('down')
    assert.equal(code, 0, err)
    assert.match(out, /^ended web-1, web-2 and 2 edges\n/)
    assert.deepEqual(leftOf(shop.folder), [])
    assert.match((await shop.run('down')).out, /^nothing runs that /)
  })

  test('may be frozen: everything goes on, and nobody takes its place', async () => {
    await using shop = await openShop()
    const { agent } = await up(shop)
    process.kill(agent.pid, 'SIGSTOP')
    await shop.get()
    const { code, err } = await shop.run('up')
    assert.equal(code, 1)
    assert.match(err, /another agent holds .*\n/)
    process.kill(agent.pid, 'SIGCONT')
    assert.equal((await shop.status()).agent.pid, agent.pid)
  })

  test('may end alone, on request', async () => {
    await using shop = await openShop()
    const before = await up(shop)
    const { code, out } = await shop.run('down', '--agent-only')
    assert.equal(code, 0)
    assert.match(out, /what it kept up goes on/)
    assert.ok(pidsOf(before).includes((await shop.get()).pid))
    assert.deepEqual(pidsOf(await up(shop)), pidsOf(before))
  })
})

suite('a shop in the foreground', () => {
  test('tells what is decided, and ends everything at Ctrl-C', async () => {
    await using shop = await openShop()
    const running = shop.start('up')
    await until('it is up', () => running.out().includes(`shop is up: http://127.0.0.1:`))
    assert.match(running.out(), /web start-missing: start web-1 at revision 1/)
    await shop.get()
    running.signal('SIGINT')
    const { code, err } = await running.ended
    assert.equal(code, 0, err)
    assert.match(err, /stopping in order; Ctrl-C again stops at once/)
    assert.deepEqual(leftOf(shop.folder), [])
  })

  test('ends at once at the second Ctrl-C, whatever is in flight', async () => {
    await using shop = await openShop()
    const running = shop.start('up')
    await until('it is up', () => running.out().includes('shop is up'))
    const slow = shop.get('/?takes=60000').then(
      () => 'answered',
      () => 'cut',
    )
    await until('it is in flight', async () =>
      (await shop.web()).servers.some(({ active }) => active > 0),
    )
    running.signal('SIGINT')
    await until('it has heard', () => running.err().includes('stopping in order'))
    running.signal('SIGINT')
    const { code } = await running.ended
    assert.equal(code, 0)
    assert.equal(await slow, 'cut')
    assert.deepEqual(leftOf(shop.folder), [])
  })

  test('goes on when its terminal is gone and nobody reads what it tells', async () => {
    await using shop = await openShop()
    const running = shop.start('up')
    await until('it is up', () => running.out().includes('shop is up'))
    running.hangUp()
    running.signal('SIGHUP')
    for (const verb of ['drain', 'undrain', 'drain', 'undrain']) {
      assert.equal((await shop.run(verb, 'web-1')).code, 0)
    }
    assert.equal((await shop.status()).agent.pid, running.pid)
    assert.equal((await shop.run('down')).code, 0)
    assert.equal((await running.ended).code, 10, 'whoever keeps it running starts it again')
  })

  test('ends as usual when only the agent is to end', async () => {
    await using shop = await openShop()
    const running = shop.start('up')
    await until('it is up', () => running.out().includes('shop is up'))
    assert.equal((await shop.run('down', '--agent-only')).code, 0)
    assert.equal((await running.ended).code, 0)
  })
})

suite('what happened', () => {
  test('is followed until Ctrl-C, or until the agent ends', async () => {
    await using shop = await openShop()
    await up(shop)
    const [one, other] = [1, 2].map(() => shop.start('events', '--follow', '--last', '1'))
    await until('both tell', () => one!.out() !== '' && other!.out() !== '')
    one!.signal('SIGINT')
    assert.equal((await one!.ended).code, 0)
    assert.equal((await shop.run('down')).code, 0)
    const { code, err } = await other!.ended
    assert.equal(code, 3)
    assert.equal(err, 'the agent has ended\n')
    const after = await shop.run('events', '--last', '8')
    assert.equal(after.code, 0)
    assert.match(after.out, /agent down: asked to end/)
    assert.match(after.err, /no agent runs/)
  })

  test('is logged by each replica, also by those that a deploy brings', async () => {
    await using shop = await openShop()
    await up(shop)
    const tail = shop.start('logs', 'web', '--follow')
    await until('both have spoken', () => /web-1 \| release one.*web-2 \| /s.test(tail.out()))
    shop.release({ version: 'two' })
    assert.equal((await shop.run('deploy', 'web')).code, 0)
    await until('the new ones have spoken', () =>
      /web-\d \| release two.*web-\d \| release two/s.test(tail.out()),
    )
    tail.signal('SIGINT')
    assert.equal((await tail.ended).code, 0)

    const [first] = (await shop.web()).servers
    const one = await shop.run('logs', first!.id, '--lines', '1')
    assert.equal(one.out, `release two as ${first!.process?.pid}\n`)
    const none = await shop.run('logs', 'wbe')
    assert.equal(none.code, 1)
    assert.match(
      none.err,
      /no replica or frontend of the name wbe has logged anything\n {2}remedy: /,
    )
  })
})

suite('what cannot be', () => {
  test('two agents of one file', async () => {
    await using shop = await openShop()
    const { agent } = await up(shop)
    const second = await shop.run('up')
    assert.equal(second.code, 1)
    assert.match(second.err, new RegExp(`is already up \\(agent ${agent.pid}\\)\n {2}remedy: `))
    assert.equal((await shop.status()).agent.pid, agent.pid)
  })

  test('a port that somebody else has: the process is named', async () => {
    await using shop = await openShop()
    const other = await listening(shop.port)
    try {
      for (const argv of [['up'], ['up', '--detach']]) {
        const { code, err } = await shop.run(...argv)
        assert.equal(code, 1)
        assert.match(err, new RegExp(`cannot listen on 127.0.0.1:${shop.port}: .*${process.pid}`))
      }
      assert.deepEqual(leftOf(shop.folder), [])
    } finally {
      other.close()
    }
  })

  test('a port that somebody else has, while the shop runs: it goes on', async () => {
    await using shop = await openShop()
    const before = pidsOf(await up(shop))
    const other = await listening()
    try {
      const { port } = other.address() as { port: number }
      shop.write({ port })
      const { code, err } = await shop.run('apply')
      assert.equal(code, 1)
      assert.match(err, new RegExp(`cannot listen on 127.0.0.1:${port}`))
      assert.ok(before.includes((await shop.get()).pid))
    } finally {
      other.close()
    }
  })

  test('a program that does not exist', async () => {
    await using shop = await openShop()
    shop.write({ run: 'no-such-program --serve' })
    const { code, err } = await shop.run('up', '--detach', '--within', '1s')
    assert.equal(code, 1)
    assert.match(err, /not done within 1s: nothing of web is up; web-1: .*\n {2}remedy: it goes on/)
    await until('why says it', async () =>
      /no-such-program/.test((await shop.run('why', 'web-1')).out),
    )
  })

  test('a replica that ends at once', async () => {
    await using shop = await openShop()
    shop.release({ version: 'one', exits: true })
    assert.equal((await shop.run('up', '--detach', '--within', '1s')).code, 1)
    await until('status says it', async () =>
      /web-1 +crash loop .*\n +ended \d+ times in a row, last with exit code 7/.test(
        (await shop.run('status')).out,
      ),
    )
  })

  test('a state that a newer version wrote: nothing that runs is touched', async () => {
    await using shop = await openShop()
    const before = await up(shop)
    process.kill(before.agent.pid, 'SIGKILL')
    await until('the agent is gone', async () => (await shop.run('status')).code === 3)
    const state = join(shop.folder, '.alwayson', 'alwayson.yaml', 'state.json')
    writeFileSync(state, JSON.stringify({ format: 99, state: {} }))
    const { code, err } = await shop.run('up', '--detach')
    assert.equal(code, 1)
    assert.match(err, /has format 99, this version reads \d+\n {2}remedy: /)
    assert.ok(pidsOf(before).includes((await shop.get()).pid))
  })

  test('a file that is wrong: nothing is begun', async () => {
    await using shop = await openShop()
    writeFileSync(join(shop.folder, 'alwayson.yaml'), 'services: { web: { rnu: node } }\n')
    const before = readdirSync(shop.folder)
    for (const argv of [['up'], ['up', '--detach'], ['check'], ['unit']]) {
      const { code, err } = await shop.run(...argv)
      assert.equal(code, 2)
      assert.match(err, /alwayson.yaml:1:20: fault: /)
    }
    assert.deepEqual(readdirSync(shop.folder), before)
  })
})
