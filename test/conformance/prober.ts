// What every Prober promises: the real one and the simulated one pass the same suite.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ms } from '../../src/foundation/time.ts'
import type { Check, Sighting, Target } from '../../src/health/model.ts'
import type { Prober } from '../../src/health/prober.ts'

/** How a server behaves towards whoever connects. */
export type Behaviour =
  | { readonly kind: 'refuses' }
  | { readonly kind: 'answers'; readonly status: number }
  /** Accepts, and never says a word. */
  | { readonly kind: 'hangs' }
  /** Accepts, and closes without a word. */
  | { readonly kind: 'closes' }

/** A world with servers to be asked. Disposing it ends them. */
export interface ProberWorld extends AsyncDisposable {
  readonly prober: Prober
  /** Starts a server that behaves so, and says where it is. */
  serve(behaviour: Behaviour): Promise<{ readonly host: string; readonly port: number }>
  /** Lets time pass until `done` says so; rejects after a generous while. */
  until(done: () => boolean): Promise<void>
}

const timing = { every: ms(1000), fast: ms(100), timeout: ms(250), rise: 1, fall: 1 }
const tcp: Check = { kind: 'tcp', ...timing }
const http: Check = {
  ...{ kind: 'http', method: 'GET', path: '/health', host: undefined },
  ...{ expect: [[200, 399]], ...timing },
}

/** The promises of a Prober. */
export function proberConformance(name: string, open: () => Promise<ProberWorld>): void {
  const ask = async (world: ProberWorld, behaviour: Behaviour, check: Check): Promise<Sighting> => {
    const { host, port } = await world.serve(behaviour)
    const target: Target = {
      ...{ id: 'web-1', service: 'web', host, port, check },
      incarnation: '',
    }
    const seen: Sighting[] = []
    world.prober.probe(target, (sighting) => seen.push(sighting))
    assert.equal(seen.length, 0, 'the answer never comes within the call')
    await world.until(() => seen.length > 0)
    const [sighting] = seen
    assert.ok(sighting!.took >= 0 && sighting!.took <= 60_000)
    return sighting!
  }

  const cases: readonly {
    readonly promise: string
    readonly behaviour: Behaviour
    readonly check: Check
    readonly sees: 'passed' | RegExp
  }[] = [
    ...(
      [
        ['passes a server that accepts', { kind: 'hangs' }, tcp, 'passed'],
        ['fails a server that refuses', { kind: 'refuses' }, tcp, /^connection refused$/],
        ['fails a server that refuses HTTP', { kind: 'refuses' }, http, /^connection refused$/],
        ['passes a status that is expected', { kind: 'answers', status: 204 }, http, 'passed'],
        ['passes the last status of a range', { kind: 'answers', status: 399 }, http, 'passed'],
        [
          'fails a status that is not expected',
          { kind: 'answers', status: 500 },
          http,
          /^status 500, expected 200-399$/,
        ],
        ['fails a server that is silent', { kind: 'hangs' }, http, /^no answer within 250ms$/],
        ['fails a server that hangs up', { kind: 'closes' }, http, /^closed before answering$/],
        ['counts a server without a check as up', { kind: 'refuses' }, { kind: 'none' }, 'passed'],
      ] as const
    ).map(([promise, behaviour, check, sees]) => ({ promise, behaviour, check, sees })),
  ]

  suite(`${name} is a Prober`, () => {
    for (const { promise, behaviour, check, sees } of cases) {
      test(promise, async () => {
        await using world = await open()
        const sighting = await ask(world, behaviour, check)
        if (sees === 'passed') assert.equal(sighting.kind, 'passed')
        else {
          assert.equal(sighting.kind, 'failed')
          assert.match(sighting.kind === 'failed' ? sighting.reason : '', sees)
        }
      })
    }

    test('waits as long as the check says, and no longer', async () => {
      await using world = await open()
      const sighting = await ask(world, { kind: 'hangs' }, http)
      // The system's timers may wake up to a millisecond early.
      assert.ok(sighting.took >= 249, `took ${sighting.took}`)
    })

    test('asks many at once and answers each once', async () => {
      await using world = await open()
      const { host, port } = await world.serve({ kind: 'answers', status: 200 })
      const seen: string[] = []
      // Fifty at once on a busy machine: what is asked here is how often it answers, not how fast.
      const check = { ...http, timeout: ms(20_000) }
      for (let n = 1; n <= 50; n += 1) {
        const target = { id: `web-${n}`, service: 'web', host, port, check, incarnation: '' }
        world.prober.probe(target, (sighting) => seen.push(`${target.id} ${sighting.kind}`))
      }
      await world.until(() => seen.length >= 50)
      assert.equal(new Set(seen).size, 50)
      assert.ok(seen.every((line) => line.endsWith('passed')))
    })
  })
}
