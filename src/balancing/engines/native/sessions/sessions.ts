// Which sessions of databases does this edge have, by what their clients ask for a cancel, and as
// whom may it log in? What is known here is never told of.

import type { EdgeAccount, MachineKeyPair } from '../../../model.ts'
import { trustAs } from '../tls/trust.ts'
import type { Trust } from '../transport/transport.ts'
import type { Session } from './session.ts'

/** All of one edge. */
export class Sessions {
  readonly #byKey = new Map<string, Session>()
  #passwords = new Map<string, string>()

  #machine: MachineKeyPair | undefined

  entrust(accounts: readonly EdgeAccount[], machine: MachineKeyPair | undefined): void {
    this.#machine = machine
    this.#passwords = new Map(
      accounts.map(({ frontend, user, password }) => [`${frontend}\0${user}`, password]),
    )
  }

  /** The password of a user behind a frontend; `undefined` if it is not known here. */
  password(frontend: string, user: string): string | undefined {
    return this.#passwords.get(`${frontend}\0${user}`)
  }

  /** How a server of our cluster is known, and what it is shown; `undefined`: we have no keys. */
  trustAt(host: string): Trust | undefined {
    return this.#machine && trustAs(this.#machine, host)
  }

  remember(session: Session): void {
    const { cancelKey } = session.talk
    if (cancelKey !== undefined) this.#byKey.set(cancelKey, session)
  }

  forget(session: Session): void {
    const { cancelKey } = session.talk
    if (cancelKey !== undefined && this.#byKey.get(cancelKey) === session) {
      this.#byKey.delete(cancelKey)
    }
  }

  find(key: string): Session | undefined {
    return this.#byKey.get(key)
  }
}
