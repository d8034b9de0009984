// What if this process is told to end before it has put away what it began?

/** What is to be put away then. */
const open = new Set<AsyncDisposable>()
const ends = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
for (const signal of ends) process.once(signal, endAll)

/** Disposes of it at the end of this process as well, if a signal is the reason. */
export function cleansUp<Thing extends AsyncDisposable>(thing: Thing): Thing {
  open.add(thing)
  return thing
}

/** It has been put away. */
export function isClean(thing: AsyncDisposable): void {
  open.delete(thing)
}

function endAll(): void {
  if (open.size === 0) process.exit(130)
  // Whatever is in the middle of something fails now, and must not end this process before its end.
  process.on('uncaughtException', () => {})
  process.on('unhandledRejection', () => {})
  Promise.allSettled([...open].map((each) => each[Symbol.asyncDispose]())).then(
    () => process.exit(130),
    () => process.exit(1),
  )
}
