// Beginning, changing and ending: what is told, what is waited for, and when it is called failed.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { fakePorts, scriptedAgent, statusIn } from '../../test/fixtures/cli.ts'
import { healthyWorld, specOf } from '../../test/fixtures/world.ts'
import type { Ending, ServiceStatus, Status } from '../agent/model.ts'
import type { Swept } from '../agent/sweep.ts'
import type { JournalEntry } from '../control/journal.ts'
import { Fault } from '../foundation/fault.ts'
import { instant, ms } from '../foundation/time.ts'
import { apply } from './apply.ts'
import { check } from './check.ts'
import { judgeUp } from './detach.ts'
import { down } from './down.ts'
import { exit } from './exit.ts'
import { background, foreground, type OwnAgent } from './foreground.ts'
import { settle } from './settle.ts'

const healthy = statusIn(healthyWorld())
const withWeb = (change: Partial<ServiceStatus>): Status => ({
  ...healthy,
  services: healthy.services.map((s) => (s.name === 'web' ? { ...s, ...change } : s)),
})

suite('apply', () => {
  const file = { path: '/srv/shop/alwayson.yaml', text: 'name: shop', env: { A: '1' } }
  const options = { wait: true, within: ms(60_000) }
  const report = {
    changed: true,
    differences: ['services.web.run: was node a.js, is node b.js'],
    actions: ['exchange the 3 replicas of web for revision 2'],
  }
  const begun = withWeb({ deploying: true, revision: 2, up: 3, rule: 'start-missing' })
  const rolledBack = { revision: 2, why: 'web-4 ended 5 times in a row' }

  test('says what differs and what is done, and waits until it is done', async () => {
    const agent = scriptedAgent({ '/apply': [report], '/status': [healthy, begun, healthy] })
    const ports = fakePorts({ agent })
    assert.equal(await apply(ports, file, options), exit.done)
    assert.deepEqual(agent.asked[1], ['/apply', { ...file, dryRun: false }])
    assert.equal(
      ports.out.text(),
      `what differs
  services.web.run: was node a.js, is node b.js
what is done
  exchange the 3 replicas of web for revision 2
shop is as the file says
`,
    )
    assert.equal(ports.err.text(), 'web 3 of 3 up (start-missing)\n')
  })

  test('a dry run asks for a dry run, and waits for nothing', async () => {
    const agent = scriptedAgent({ '/apply': [report], '/status': [healthy] })
    const ports = fakePorts({ agent })
    assert.equal(await apply(ports, file, { ...options, dryRun: true }), exit.done)
    assert.deepEqual(agent.asked.at(-1), ['/apply', { ...file, dryRun: true }])
    assert.match(ports.out.text(), /what would be done\n {2}exchange/)
  })

  test('shows what is done although the file says the same', async () => {
    const agent = scriptedAgent({
      '/apply': [{ ...report, differences: [] }],
      '/status': [healthy],
    })
    const ports = fakePorts({ agent })
    assert.equal(await apply(ports, file, options), exit.done)
    assert.match(ports.out.text(), /^what differs\n {2}nothing that the file says\nwhat is done\n/)
  })

  test('says that nothing differs', async () => {
    const same = { changed: false, differences: [], actions: [] }
    const ports = fakePorts({ agent: scriptedAgent({ '/apply': [same], '/status': [healthy] }) })
    assert.equal(await apply(ports, file, options), exit.done)
    assert.equal(ports.out.text(), 'nothing differs: /srv/shop/alwayson.yaml is in force\n')
  })

  test('fails again while what the file asks for stays rolled back', async () => {
    const stuck = { service: 'web', revision: 2, why: 'web-4 ended 5 times in a row', stays: 1 }
    const same = { changed: false, differences: [], actions: [], rolledBack: [stuck] }
    const agent = scriptedAgent({ '/apply': [same], '/status': [healthy] })
    const message =
      'nothing differs, but revision 2 of web was rolled back: web-4 ended 5 times in a row; ' +
      'revision 1 stays'
    const remedy = 'mend it, or try again: alwayson deploy web'
    const fault = { code: 'failed', message, remedy }
    await assert.rejects(apply(fakePorts({ agent }), file, options), fault)
    await assert.rejects(apply(fakePorts({ agent }), file, { ...options, wait: false }), fault)
    const ports = fakePorts({ agent })
    assert.equal(await apply(ports, file, { ...options, dryRun: true }), exit.done)
    assert.equal(ports.out.text(), `${message}\n  ${remedy}\n`)
  })

  test('waits for what an earlier one began, and fails with it', async () => {
    const same = { changed: false, differences: [], actions: [] }
    const back = withWeb({ rolledBack })
    const agent = scriptedAgent({ '/apply': [same], '/status': [begun, begun, back] })
    const ports = fakePorts({ agent })
    await assert.rejects(apply(ports, file, options), {
      message: 'revision 2 of web was rolled back: web-4 ended 5 times in a row',
    })
    assert.match(ports.out.text(), /^nothing differs: .* is being carried out\n$/)
  })

  test('says what stays rolled back beside what it changes', async () => {
    const stuck = { service: 'web', revision: 2, why: 'web-4 ended 5 times in a row', stays: 1 }
    const agent = scriptedAgent({
      '/apply': [{ ...report, rolledBack: [stuck] }],
      '/status': [withWeb({ rolledBack })],
    })
    const ports = fakePorts({ agent })
    assert.equal(await apply(ports, file, options), exit.done)
    assert.match(
      ports.out.text(),
      /2 of web was rolled back: .*: not tried again\nshop is as the file says, except for web\n/,
    )
  })

  test('ends with what is not as the file says because an operator said otherwise', async () => {
    const word =
      'services.web stays open: an operator said so; alwayson maintenance on services.web'
    const same = { changed: false, differences: [], actions: [], overruled: [word] }
    for (const [answer, first, dryRun] of [
      [same, 'nothing differs: ', false],
      [{ ...report, overruled: [word] }, 'what differs\n', true],
      [{ ...report, overruled: [word] }, 'what differs\n', false],
    ] as const) {
      const agent = scriptedAgent({ '/apply': [answer], '/status': [healthy] })
      const ports = fakePorts({ agent })
      assert.equal(await apply(ports, file, { ...options, dryRun }), exit.done)
      assert.ok(ports.out.text().startsWith(first))
      assert.ok(ports.out.text().endsWith(`\n${word}\n`))
    }
  })

  test('fails when what it began was rolled back', async () => {
    const back = withWeb({ rolledBack })
    const agent = scriptedAgent({ '/apply': [report], '/status': [healthy, begun, back] })
    await assert.rejects(apply(fakePorts({ agent }), file, options), {
      code: 'failed',
      message: 'revision 2 of web was rolled back: web-4 ended 5 times in a row',
    })
  })

  test('does not fail because of what was rolled back before', async () => {
    const back = withWeb({ rolledBack })
    const agent = scriptedAgent({ '/apply': [report], '/status': [back] })
    assert.equal(await apply(fakePorts({ agent }), file, options), exit.done)
  })

  test('does not wait for what was down before', async () => {
    const lame = withWeb({ up: 1 })
    const agent = scriptedAgent({ '/apply': [report], '/status': [lame] })
    assert.equal(await apply(fakePorts({ agent }), file, options), exit.done)
  })
})

suite('check', () => {
  const place = { file: 'alwayson.yaml', line: 1, column: 1 }
  const problem = { place, path: 'nane', message: 'unknown key', remedy: undefined }
  const wrong = {
    path: '/srv/shop/alwayson.yaml',
    shown: 'alwayson.yaml',
    text: 'nane: shop\n',
    parsed: { kind: 'problems', problems: [problem] },
    remark: undefined,
  } as const

  test('prints what is wrong on stderr, and exits with 2', () => {
    const ports = fakePorts()
    assert.equal(check(ports, wrong, {}), exit.bad)
    assert.match(ports.err.text(), /^alwayson.yaml:1:1: fault: nane: unknown key\n/)
    assert.equal(ports.out.text(), '')
  })

  test('prints the same as JSON on stdout', () => {
    const ports = fakePorts()
    assert.equal(check(ports, wrong, { json: true }), exit.bad)
    const { remedy: _, ...told } = problem
    assert.deepEqual(JSON.parse(ports.out.text()), {
      file: '/srv/shop/alwayson.yaml',
      ok: false,
      problems: [told],
    })
  })

  test('says of a right file what it holds', () => {
    const ports = fakePorts()
    const right = { ...wrong, parsed: { kind: 'spec', spec: specOf() } } as const
    assert.equal(check(ports, right, {}), exit.done)
    assert.equal(ports.out.text(), 'alwayson.yaml: right: 2 services (5 servers), 1 frontend\n')
  })
})

suite('down', () => {
  const folder = { folder: '/srv/shop/.alwayson/alwayson.yaml' }
  const unused = {
    watch: () => async () => false,
    sweep: () => assert.fail('an agent that lives is asked, not swept'),
  }
  const nothing: Swept = { replicas: [], members: [], edges: 0, left: [], notes: [] }
  const thereFor = (looks: number) => (pid: number) => {
    assert.equal(pid, healthy.agent.pid)
    return async () => {
      looks -= 1
      return looks >= 0
    }
  }
  const gone = new Fault('not-running', 'no agent answers')

  test('resolves when the agent has let go of the file', async () => {
    const agent = scriptedAgent({ '/down': [{}], '/status': [healthy, healthy, gone] })
    const ports = fakePorts({ agent })
    const machine = { ...unused, watch: thereFor(3) }
    assert.equal(await down(ports, folder, machine, {}), exit.done)
    assert.deepEqual(agent.asked[1], ['/down', { leave: false }])
    assert.equal(ports.err.text(), 'ending: 3 replicas left\nending: the agent\n')
    assert.equal(ports.out.text(), 'everything has ended\n')
  })

  test('with --agent-only asks the agent to leave everything running', async () => {
    const agent = scriptedAgent({ '/down': [{}], '/status': [healthy] })
    const ports = fakePorts({ agent })
    await down(ports, folder, { ...unused, watch: thereFor(2) }, { agentOnly: true })
    assert.deepEqual(agent.asked[1], ['/down', { leave: true }])
    assert.match(ports.out.text(), /what it kept up goes on/)
  })

  test('ends what a dead agent left running', async () => {
    const agent = scriptedAgent({ '/status': [gone] })
    const ports = fakePorts({ agent })
    const sweep = async () => ({
      ...nothing,
      ...{ replicas: ['web-1', 'web-2'], members: ['orders-1'], edges: 2, notes: ['so it is'] },
    })
    assert.equal(await down(ports, folder, { ...unused, sweep }, {}), exit.done)
    assert.equal(ports.out.text(), 'ended web-1, web-2, orders-1 and 2 edges\n')
    assert.match(ports.err.text(), /so it is\n$/)
  })

  test('fails where something cannot be ended, and says what and why', async () => {
    const ports = fakePorts({ agent: scriptedAgent({ '/status': [gone] }) })
    const cause = new Fault('corrupt', 'its record cannot be read')
    const left = [{ member: 'orders-2', cause }]
    const sweep = async () => ({ ...nothing, replicas: ['web-1'], left })
    await assert.rejects(down(ports, folder, { ...unused, sweep }, {}), {
      ...{ code: 'failed', message: 'orders-2 cannot be ended', cause },
    })
    assert.equal(ports.out.text(), 'ended web-1\n')
  })

  test('says that nothing runs', async () => {
    const ports = fakePorts({ agent: scriptedAgent({ '/status': [gone] }) })
    const sweep = async () => nothing
    assert.equal(await down(ports, folder, { ...unused, sweep }, {}), exit.done)
    assert.match(ports.out.text(), /^nothing runs that \/srv\/shop/)
  })

  test('with --agent-only and no agent fails, and ends nothing', async () => {
    const agent = scriptedAgent({ '/status': [gone] })
    await assert.rejects(down(fakePorts({ agent }), folder, unused, { agentOnly: true }), gone)
  })
})

suite('up', () => {
  const entry: JournalEntry = {
    at: instant(15_000),
    room: 'services',
    subject: 'web',
    rule: 'deployed',
    why: 'every replica is up',
    actions: ['keep revision 1'],
    seen: {},
  }

  /** An agent that ends when it is asked to, and remembers how it was asked. */
  function agentWith(statuses: readonly Status[]) {
    const asks: unknown[] = []
    const over = Promise.withResolvers<Ending>()
    let hear: ((entry: JournalEntry) => void) | undefined
    let looks = 0
    const agent: OwnAgent = {
      journal: {
        recent: () => [
          { ...entry, at: instant(1), rule: 'of-another-life' },
          { ...entry, at: instant(14_000), rule: 'start-missing' },
        ],
        follow(heard) {
          hear = heard
          return {
            [Symbol.dispose]() {
              hear = undefined
            },
          }
        },
      },
      status: () => statuses[Math.min(looks++, statuses.length - 1)]!,
      async down(leave) {
        asks.push({ leave })
      },
      hurry() {
        asks.push('hurry')
        over.resolve('other')
      },
      ended: over.promise,
    }
    return { agent, asks, tell: (told: JournalEntry) => hear?.(told), end: over.resolve }
  }

  test('tells what is decided, and once where everything is found', async () => {
    const ports = fakePorts()
    const { agent, tell, end } = agentWith([withWeb({ up: 1 }), withWeb({ up: 1 }), healthy])
    const running = foreground(ports, agent, instant(10_000), '/nowhere')
    tell(entry)
    for (let turns = 0; turns < 10; turns += 1) await turn()
    end('other')
    assert.equal(await running, exit.done)
    assert.equal(
      ports.out.text(),
      'shop: keeping up what /srv/shop/alwayson.yaml says; Ctrl-C ends it in order\n' +
        '00:00:14.000 web start-missing: keep revision 1 (every replica is up)\n' +
        '00:00:15.000 web deployed: keep revision 1 (every replica is up)\n' +
        'shop is up: http://127.0.0.1:8080\n',
    )
  })

  test('ends with a code of its own once an operator had everything end', async () => {
    const { agent, end } = agentWith([healthy])
    const running = [
      foreground(fakePorts(), agent, instant(10_000), '/nowhere'),
      background(fakePorts(), agent),
    ]
    end('down')
    assert.deepEqual(await Promise.all(running), [exit.toldToEnd, exit.toldToEnd])
  })

  test('the first Ctrl-C ends it in order, the second at once', async () => {
    const [interrupted, hurried] = [new AbortController(), new AbortController()]
    const ports = fakePorts({ interrupted: interrupted.signal, hurried: hurried.signal })
    const { agent, asks } = agentWith([withWeb({ up: 1 })])
    const running = foreground(ports, agent, instant(10_000), '/nowhere')
    interrupted.abort(new Error('Ctrl-C'))
    await turn()
    assert.deepEqual(asks, [{ leave: false }])
    hurried.abort(new Error('Ctrl-C'))
    assert.equal(await running, exit.done)
    assert.deepEqual(asks, [{ leave: false }, 'hurry'])
    assert.match(ports.err.text(), /stopping in order.*\n\nstopping at once\n/)
  })

  test('in the background says what is missing when its time is over', async () => {
    const lacking = withWeb({
      up: 2,
      servers: healthy.services[0]!.servers.map((server) =>
        server.id === 'web-2' ? { ...server, reason: 'connection refused' } : server,
      ),
    })
    assert.equal(judgeUp(lacking).kind, 'waiting')
    const agent = scriptedAgent({ '/status': [lacking] })
    await assert.rejects(settle(fakePorts({ agent }), judgeUp, ms(2000)), {
      code: 'timed-out',
      message: /only 2 of 3 of web up; web-2: connection refused$/,
    })
  })

  test('waits for no server that an operator has drained, and names it', () => {
    const drained = (up: number): Status =>
      withWeb({
        up,
        servers: healthy.services[0]!.servers.map((server) =>
          server.id === 'web-2'
            ? { ...server, drained: true, reason: 'takes nothing new' }
            : server,
        ),
      })
    const judged = judgeUp(drained(2))
    assert.equal(judged.kind, 'done')
    assert.match(judged.line, /; still drained: web-2$/)
    assert.equal(judgeUp(drained(1)).kind, 'waiting')
  })
})
