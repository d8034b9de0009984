// How is a server of the ensemble? Asks it for `srvr` over TLS: any answer is a sign of life.

import type { Clock, Milliseconds } from '../../../foundation/time.ts'
import type { Dial } from '../../client/transport.ts'
import type { MemberAnswer, MemberMode } from '../../ensemble/model.ts'
import type { Endpoint } from '../../model.ts'

/** Longer answers are no answers to `srvr`. */
const answerBytesMost = 16 * 1024

/** Asks once; resolves within `within`, and never rejects. */
export function askMember(
  dial: Dial,
  at: Endpoint,
  clock: Clock,
  within: Milliseconds,
): Promise<MemberAnswer> {
  return new Promise((resolve) => {
    let heard = ''
    let isOpen = false
    const finish = (answer: MemberAnswer): void => {
      timer[Symbol.dispose]()
      line.destroy()
      resolve(answer)
    }
    const timer = clock.after(within, () => finish({ kind: 'silent' }))
    const line = dial(at, {
      opened() {
        isOpen = true
        line.write(Buffer.from('srvr'))
      },
      data(chunk) {
        heard += chunk.toString('latin1')
        const mode = /^Mode: (\w+)/m.exec(heard)?.[1]
        if (isMode(mode)) finish({ kind: 'serves', mode })
        else if (heard.length > answerBytesMost) finish({ kind: 'waits' })
      },
      // It closed what it had opened, as one does that serves nobody; or nobody listens.
      closed: () => finish({ kind: isOpen ? 'waits' : 'refused' }),
    })
  })
}

const isMode = (text: string | undefined): text is MemberMode =>
  text !== undefined && ['leader', 'follower', 'observer', 'standalone'].includes(text)
