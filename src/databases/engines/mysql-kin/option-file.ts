// What stands in the option file of a server of MariaDB or MySQL? Pure.

import type { TlsFiles } from '../../member-tls.ts'
import { serverLines } from './tls.ts'

/** `rpl-semi_sync-Master` and `loose_rpl…` are one setting to the server. */
export const canonicalName = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll('-', '_')
    .replace(/^(loose|maximum|enable|disable)_/, '')

/** A `#` would begin a comment, and blanks at the ends would go (their manuals, "Option Files"). */
const quote = (value: string): string =>
  /^[\w./:,@%+-]+$/.test(value) ? value : `"${value.replaceAll(/[\\"]/g, String.raw`\$&`)}"`

/** Where one server's things are, and who it is. */
export interface ServerPlace {
  readonly member: string
  readonly data: string
  readonly run: string
  /** For temporary tables: a server that starts deletes those of all others in its folder. */
  readonly temporary: string
  readonly socket: string
  readonly host: string
  readonly port: number
  readonly serverId: number
  /** What it shows to members on other machines; `undefined`: there are none. */
  readonly tls?: TlsFiles | undefined
  /** Nobody comes over the network in the clear. */
  readonly refusesPlain?: boolean
}

type Line = readonly [name: string, value: string]

/** What a server is told of itself. */
export const placeLines = (place: ServerPlace): readonly Line[] => [
  ['server_id', String(place.serverId)],
  ['datadir', place.data],
  ['tmpdir', place.temporary],
  ['socket', place.socket],
  ['pid_file', `${place.run}/server.pid`],
  ['bind_address', place.host],
  ['port', String(place.port)],
  ['report_host', place.host],
  ['report_port', String(place.port)],
  // A replica says its name to its primary, which tells it to whoever may ask.
  ['report_user', place.member],
  ...serverLines(place.tls),
]

/** The text of the file. */
export const optionLines = (section: string, lines: readonly Line[]): string =>
  [
    '# Written by Always On at every start: changes are lost.\n',
    `[${section}]\n`,
    ...lines.map(([name, value]) => `${name} = ${quote(value)}\n`),
  ].join('')
