// A one-way connection in a simulated life: messages arrive late, but in order.

import { type Clock, instant, type Milliseconds, ms } from '../foundation/time.ts'

/** Delivers a message later; never before one that was sent earlier. */
export type Channel = (deliver: () => void) => void

/** Opens a connection whose messages each take `delay`, or longer if one before them does. */
export function openChannel(clock: Clock, delay: () => Milliseconds): Channel {
  let last = clock.now()
  return (deliver) => {
    last = instant(Math.max(last, clock.now() + delay()))
    clock.after(ms(last - clock.now()), deliver)
  }
}
