// What a person is told of a failure, and of how far it is.

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { recordingScreen } from '../../test/fixtures/cli.ts'
import { Fault } from '../foundation/fault.ts'
import { invariant } from '../foundation/invariant.ts'
import { complain } from './complain.ts'
import { exit, exitOf } from './exit.ts'
import { openProgress } from './progress.ts'
import { faultOf, reportOf } from './report.ts'
import { openScreen } from './screens.ts'

const complaint = (thrown: unknown): string => {
  const screen = recordingScreen()
  complain(screen, thrown)
  return screen.text()
}

suite('a failure', () => {
  const deep = new Fault('failed', 'cannot write state.json', {
    remedy: 'make room on the disk',
    cause: new Error('no space left on device'),
  })

  test('is told in words: what, because of what, and what to do about it', () => {
    assert.equal(
      complaint(deep),
      'alwayson: cannot write state.json\n' +
        '  because no space left on device\n' +
        '  remedy: make room on the disk\n',
    )
  })

  test('takes the remedy of its cause where it has none', () => {
    const outer = new Fault('failed', 'cannot apply', { cause: deep })
    assert.match(complaint(outer), /because cannot write .*no space.*\n {2}remedy: make room/)
  })

  test('of our own is shown with its stack, and asks to be reported', () => {
    let broken: unknown
    try {
      invariant(false, 'a table ends')
    } catch (thrown) {
      broken = thrown
    }
    assert.match(complaint(broken), /mistake in Always On itself: please report/)
    assert.match(complaint(broken), /broken invariant: a table ends\n +at /)
    assert.equal(exitOf(broken), exit.failed)
  })

  test('keeps its exit code and its words on the way from the background', () => {
    const fault = new Fault('bad-usage', 'too long', { remedy: 'shorten it', cause: deep })
    const report = reportOf(fault)
    assert.ok(report.kind === 'fault')
    assert.equal(exitOf(faultOf(report)), exit.bad)
    assert.equal(complaint(faultOf(report)), complaint(fault))
  })
})

suite('progress', () => {
  test('is a line whenever it changes where nobody can redraw', () => {
    const screen = recordingScreen()
    {
      using progress = openProgress(screen)
      for (const line of ['one', 'one', 'two']) progress.show(line)
    }
    assert.equal(screen.text(), 'one\ntwo\n')
  })

  test('is one redrawn line on a terminal, cut to its width, and gone at the end', () => {
    const screen = recordingScreen({ isTerminal: true, columns: 8 })
    {
      using progress = openProgress(screen)
      progress.show('0123456789')
      progress.note('by the way')
    }
    assert.equal(
      screen.text(),
      '\r012345…\x1b[K' + '\r\x1b[K' + 'by the way\n' + '\r012345…\x1b[K' + '\r\x1b[K',
    )
  })
})

suite('a screen', () => {
  /** Standard output as a file on a disk that is full as long as `full` says so. */
  function file(): { stream: NodeJS.WriteStream; full: (code?: string) => void } {
    let refused: string | undefined
    const stream = new Writable({
      autoDestroy: false,
      write(_chunk, _encoding, done) {
        done(refused === undefined ? null : Object.assign(new Error(refused), { code: refused }))
      },
    })
    const full = (code?: string): void => {
      refused = code
    }
    return { stream: stream as unknown as NodeJS.WriteStream, full }
  }

  test('on a full disk loses what is written then, says so, and goes on', async () => {
    const { stream, full } = file()
    const screen = openScreen(stream)
    full('ENOSPC')
    screen.write('lost')
    await turn()
    assert.match(String(screen.lost), /ENOSPC/)
    assert.equal(screen.closed.aborted, false)
  })

  test('whose reader has gone is closed, and nothing is lost', async () => {
    const { stream, full } = file()
    const screen = openScreen(stream)
    full('EPIPE')
    screen.write('for nobody')
    await turn()
    assert.equal(screen.closed.aborted, true)
    assert.equal(screen.lost, undefined)
  })
})
