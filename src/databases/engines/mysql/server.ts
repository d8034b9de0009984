// One member's MySQL, a process and a socket: starts it so that nobody can write.

import type { MemberOptions } from '../../engine.ts'
import type { Product } from '../mysql-kin/data-folder.ts'
import type { Owner } from '../mysql-kin/processes.ts'
import { KinServer } from '../mysql-kin/server.ts'
import { errnoOf, errors } from '../mysql-kin/session.ts'
import type { Programs } from './programs.ts'
import { configurationOf } from './settings.ts'

/** By what the member at this place of the file goes, from 0. */
export const serverIdAt = (index: number): number => index + 1

export class MysqlServer extends KinServer {
  /** Those that it is started by next. */
  programs: Programs

  constructor(options: MemberOptions, programs: Programs, owner: Owner | undefined) {
    super(options, owner)
    this.programs = programs
  }

  get product(): Product {
    return { name: 'MySQL', version: this.programs.version.join('.') }
  }

  /** Starts it on `data`, without any replication; resolves when it answers. */
  async start(
    signal: AbortSignal,
    { data = this.options.data, extra = [] }: { data?: string; extra?: readonly string[] } = {},
  ): Promise<void> {
    const { server: program } = this.programs
    const configuration = this.#configurationOn(data)
    await this.launch({ program, configuration, args: extra, data }, signal)
  }

  /** What a server that starts now would have. */
  get configuration(): string {
    return this.#configurationOn(this.options.data)
  }

  #configurationOn(data: string): string {
    const { address, run, settings, member } = this.options
    const place = {
      ...{ member, data, run, socket: this.socket, host: address.host, port: address.port },
      temporary: this.temporary,
      serverId: serverIdAt(this.index),
      tls: this.tlsFiles,
    }
    return configurationOf(place, settings, this.programs.words)
  }

  /** Starts it on a draft, for ourselves: it listens at no port, and has no account of ours yet. */
  async startAlone(draft: string, signal: AbortSignal): Promise<void> {
    try {
      await this.start(signal, { data: draft, extra: ['--skip-networking'] })
    } catch (thrown) {
      // It answers: that it does not let us in is what is mended next.
      if (errnoOf(thrown) !== errors.accessDenied) throw thrown
    }
  }
}
