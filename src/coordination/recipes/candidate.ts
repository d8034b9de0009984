// How is a role won? By one write that takes the lock and raises the epoch together; everybody may
// try, the store lets one.

import { type Clock, type Instant, since } from '../../foundation/time.ts'
import { type Coordinator, failedAt, whyNot } from '../coordinator.ts'
import type { Epoch, Holder, RolePolicy } from '../model.ts'
import { Hearing } from './hearing.ts'
import { leaseOf, mayActAt } from './lease.ts'
import { ensure, persevere, waker } from './persevere.ts'
import { type Beat, beatCodec, claimCodec, guardOf, pathsOf, type RolePaths } from './role.ts'

/** A role that was won. */
export interface Won {
  readonly epoch: Epoch
  readonly before: Holder | undefined
  /** When the write was sent that won it: the lease counts from here. */
  readonly sent: Instant
  /** From when on nobody else can act in it any more. */
  readonly actsAt: Instant
}

/** What standing for a role takes besides the coordinator. */
export interface CandidateParts {
  readonly clock: Clock
  /** A name that was never given before, for every try. */
  newId(): string
}

/**
 * Waits until the role is free, and for the luck to win it. Once the signal is aborted it is not
 * held by us, also if it was won in the same moment.
 */
export async function standFor(
  coordinator: Coordinator,
  policy: RolePolicy,
  { clock, newId }: CandidateParts,
  signal: AbortSignal,
): Promise<Won> {
  const paths = pathsOf(policy.path)
  await ensure(coordinator, paths.epoch, signal)
  await ensure(coordinator, paths.beat, signal)
  const bell = waker()
  const hearing = new Hearing(policy.silence, clock.now())
  await using _ = await persevere(() =>
    coordinator.watch(
      policy.path,
      true,
      (news) => {
        // Nobody need look because of a renewal: what counts is when it was heard.
        if (news.kind === 'changed' && news.path === paths.beat) hearing.renewed(clock.now())
        else {
          // News of the lock or the epoch are no renewals; lost connections may have hidden some.
          const hides = news.kind === 'over' || ![paths.lock, paths.epoch].includes(news.path)
          if (hides) hearing.begin(clock.now())
          bell.wake()
        }
      },
      signal,
    ),
  )
  // What happened before the watch began was sent before it, too.
  hearing.begin(clock.now())
  for (;;) {
    const scene = await look(coordinator, paths, signal)
    if (scene.held && !(await isSilent(coordinator, paths, hearing, scene, clock, signal))) {
      const silentAt = hearing.silentAt(coordinator.timeout)
      using _timer =
        silentAt === undefined ? undefined : clock.after(since(clock.now(), silentAt), bell.wake)
      await bell.wait(signal)
      continue
    }
    // The claim compares the beat that was looked at: none can come in between and go unheard.
    const [attempt, sent, lastHeard] = [newId(), clock.now(), hearing.last]
    try {
      if (!(await claim(coordinator, policy, paths, scene, attempt, signal))) continue
    } catch (thrown) {
      await withdraw(coordinator, policy, paths, scene.epoch + 1, attempt)
      throw thrown
    }
    const { before, beat, epoch } = scene
    const waits = policy.silence === undefined && beat !== undefined && !beat.released
    const actsAt = waits ? mayActAt(lastHeard, beat.lease) : sent
    return { epoch: epoch + 1, before, sent, actsAt }
  }
}

/**
 * Whether a holder that has a session has not renewed for longer than it may. The coordinator must
 * have answered promptly meanwhile: if it is slow, nobody's silence means anything.
 */
async function isSilent(
  coordinator: Coordinator,
  paths: RolePaths,
  hearing: Hearing,
  { beatVersion }: Scene,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const asked = clock.now()
  const most = coordinator.timeout
  if (asked < (hearing.silentAt(most) ?? Number.POSITIVE_INFINITY)) return false
  const patience = since(hearing.last, asked)
  // What was renewed until now is heard before this is answered, also by one that slept.
  await persevere(() => coordinator.sync(signal))
  const beat = await persevere(() => coordinator.read(paths.beat, signal))
  const now = clock.now()
  if (beat?.version === beatVersion && since(asked, now) < patience / 2) {
    return now >= (hearing.silentAt(most) ?? now)
  }
  hearing.begin(now)
  return false
}

/** A role as it was seen in one go. */
interface Scene {
  readonly held: boolean
  readonly epoch: Epoch
  readonly before: Holder | undefined
  readonly beat: Beat | undefined
  readonly beatVersion: number
}

async function look(
  coordinator: Coordinator,
  paths: RolePaths,
  signal: AbortSignal,
): Promise<Scene> {
  const lock = await persevere(() => coordinator.read(paths.lock, signal))
  const epoch = await persevere(() => coordinator.read(paths.epoch, signal))
  const beat = await persevere(() => coordinator.read(paths.beat, signal))
  if (epoch === undefined || beat === undefined) {
    throw new Error(`broken invariant: ${paths.epoch} and ${paths.beat} are never deleted`)
  }
  const claimed = epoch.data.length === 0 ? undefined : claimCodec.parse(epoch.data)
  return {
    held: lock !== undefined,
    epoch: epoch.version,
    before: claimed === undefined ? undefined : { id: claimed.id, epoch: epoch.version },
    beat: beat.data.length === 0 ? undefined : beatCodec.parse(beat.data),
    beatVersion: beat.version,
  }
}

/** Tries once; false when somebody was faster. */
async function claim(
  coordinator: Coordinator,
  policy: RolePolicy,
  paths: RolePaths,
  { held, epoch, beatVersion }: Scene,
  attempt: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { id } = policy
  const lease = leaseOf(policy).length
  const beat = beatCodec.format({ epoch: epoch + 1, id, lease, released: false })
  try {
    await coordinator.write(
      [
        // The lock of one that fell silent is taken away in the write that ends its epoch.
        ...(held ? [{ kind: 'delete', path: paths.lock } as const] : []),
        { kind: 'create', path: paths.lock, data: id, life: 'ephemeral' },
        {
          kind: 'set',
          path: paths.epoch,
          data: claimCodec.format({ id, attempt }),
          version: epoch,
        },
        // The holder before cannot have renewed since we looked: what we waited for is its last.
        { kind: 'set', path: paths.beat, data: beat, version: beatVersion },
      ],
      signal,
    )
    return true
  } catch (thrown) {
    const why = whyNot(thrown)
    const raced = why === 'exists' || why === 'version' || (why === 'missing' && held)
    if (raced && failedAt(thrown) !== undefined) {
      // Our server may be behind what the leader of the ensemble knows.
      await persevere(() => coordinator.sync(signal))
      return false
    }
    if (why === 'unknown') return await isOurs(coordinator, paths, attempt, signal)
    if (why === 'not-done') return false
    throw thrown
  }
}

/** Whether a claim was accepted whose answer was lost. */
async function isOurs(
  coordinator: Coordinator,
  paths: RolePaths,
  attempt: string,
  signal: AbortSignal,
): Promise<boolean> {
  // Whatever the lost connection still carried is done before a sync on the next one.
  await persevere(() => coordinator.sync(signal))
  const epoch = await persevere(() => coordinator.read(paths.epoch, signal))
  if (epoch === undefined || epoch.data.length === 0) return false
  return claimCodec.parse(epoch.data).attempt === attempt
}

/** Gives up a claim that may have been accepted after nobody waited for it any more. */
async function withdraw(
  coordinator: Coordinator,
  policy: RolePolicy,
  paths: RolePaths,
  epoch: Epoch,
  attempt: string,
): Promise<void> {
  if (coordinator.over.aborted) return
  try {
    const never = new AbortController().signal
    if (await isOurs(coordinator, paths, attempt, never)) {
      await release(coordinator, policy, paths, epoch)
    }
  } catch (thrown) {
    // With the session the lock is gone too; whoever comes next waits for the lease.
    if (whyNot(thrown) === undefined) throw thrown
  }
}

/**
 * Gives a role back, and says that nobody acts in it any more, so that nobody need wait. Nothing is
 * done if it is no longer held at this epoch.
 */
export async function release(
  coordinator: Coordinator,
  policy: RolePolicy,
  paths: RolePaths,
  epoch: Epoch,
): Promise<void> {
  const lease = leaseOf(policy).length
  const beat = beatCodec.format({ epoch, id: policy.id, lease, released: true })
  for (;;) {
    try {
      await coordinator.write([
        guardOf(paths, epoch),
        { kind: 'set', path: paths.beat, data: beat },
        { kind: 'delete', path: paths.lock },
      ])
      return
    } catch (thrown) {
      const why = whyNot(thrown)
      if (why === undefined) throw thrown
      // Once more also if it is not known whether it was done: then it fails, or is.
      if (why !== 'unknown' && why !== 'not-done') return
    }
  }
}
