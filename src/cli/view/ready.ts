// Everything is up: where is it found? Pure.

import type { Status } from '../../agent/model.ts'

/** `shop is up: http://127.0.0.1:8080, https://127.0.0.1:8443` */
export function readyLine(status: Status): string {
  const doors = status.frontends.flatMap(({ mode, certificates, addresses }) =>
    addresses.map(
      (address) =>
        `${mode === 'http' && certificates !== undefined ? 'https' : mode}://${reachable(address)}`,
    ),
  )
  for (const { name, write } of status.databases ?? []) {
    doors.push(`${name} at ${reachable(write)}`)
  }
  return `${status.name} is up${doors.length === 0 ? '' : `: ${doors.join(', ')}`}`
}

/** What listens everywhere is reached from here by the name of the loopback. */
const reachable = (address: string): string =>
  address.replace(/^(?:0\.0\.0\.0|\[::\]):/, 'localhost:')
