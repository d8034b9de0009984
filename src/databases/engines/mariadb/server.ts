// One member's MariaDB, a process and a socket: starts it so that it takes no writes.

import { describeError } from '../../../foundation/fault.ts'
import type { MemberOptions } from '../../engine.ts'
import { refusesPlain } from '../../member-tls.ts'
import type { Product } from '../mysql-kin/data-folder.ts'
import type { Owner } from '../mysql-kin/processes.ts'
import { KinServer } from '../mysql-kin/server.ts'
import { replicaServerId } from './gtid.ts'
import type { Programs } from './programs.ts'
import { configurationOf } from './settings.ts'

/**
 * What a crashed server does with the last transactions of its binary log that it never finished:
 * as `MASTER` it finishes them, as `SLAVE` it cuts them off (`--init-rpl-role`).
 */
export type RecoveryRole = 'MASTER' | 'SLAVE'

export class MariadbServer extends KinServer {
  /** Those that it is started by next. */
  programs: Programs

  constructor(options: MemberOptions, programs: Programs, owner: Owner | undefined) {
    super(options, owner)
    this.programs = programs
  }

  get product(): Product {
    return { name: 'MariaDB', version: this.programs.version }
  }

  /** Starts it on `data`, without any replication; resolves when it answers. */
  async start(
    role: RecoveryRole,
    signal: AbortSignal,
    { data = this.options.data, extra = [] }: { data?: string; extra?: readonly string[] } = {},
  ): Promise<void> {
    const args = [`--init-rpl-role=${role}`, ...extra]
    const { server: program } = this.programs
    await this.launch({ program, configuration: this.#configurationOn(data), args, data }, signal)
  }

  /** What a server that starts now would have. */
  get configuration(): string {
    return this.#configurationOn(this.options.data)
  }

  #configurationOn(data: string): string {
    const { address, run, settings, member } = this.options
    return configurationOf(
      {
        member,
        data,
        run,
        temporary: this.temporary,
        socket: this.socket,
        host: address.host,
        port: address.port,
        serverId: replicaServerId(this.index),
        tls: this.tlsFiles,
        refusesPlain: refusesPlain(this.options),
      },
      settings,
    )
  }
}

/** A failure of the server in words, without its statement: that may hold a secret. */
export const said = (thrown: unknown): string => describeError(thrown)
