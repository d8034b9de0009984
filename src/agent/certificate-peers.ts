// With whom does this machine share certificates? With the others of its cluster, beside whatever
// else goes on as long as a session with the coordinator lives.

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { openFolderStore } from '../certificates/engines/folder/store.ts'
import { openSharedPeers, type SharedPeers } from '../certificates/engines/shared/peers.ts'
import type { SecretStore } from '../certificates/store.ts'
import type { Beside } from '../cluster/member-parts.ts'
import { untilAborted } from '../cluster/together.ts'
import { sealOf } from '../control/seal.ts'
import type { Clock } from '../foundation/time.ts'
import type { OpenJournal } from './journal.ts'

/** Where this machine keeps the keys of its certificates. */
export const certificateStore = (folder: string): SecretStore =>
  openFolderStore(join(folder, 'certificates'))

/** Opens the peers of a machine in its cluster. */
export const openCertificatePeers = (
  folder: string,
  { machine, secret }: { readonly machine: string; readonly secret: string },
  { clock, journal }: { readonly clock: Clock; readonly journal: OpenJournal },
): SharedPeers =>
  openSharedPeers({
    ...{ machine, clock, seal: sealOf(secret, 'certificates'), store: certificateStore(folder) },
    newId: randomUUID,
    event(rule, subject, why) {
      const at = clock.now()
      journal.record({ at, room: 'certificates', subject, rule, why, actions: [], seen: {} })
    },
  })

/** They go on as long as a session lives, whoever leads. */
export const besideOf = (peers: SharedPeers): Beside => ({
  attend: (coordinator, signal) => peers.attend(coordinator, signal),
  lead: (_role, _coordinator, signal) => untilAborted(signal),
})
