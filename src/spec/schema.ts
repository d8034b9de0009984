// What may stand in the file? The one definition: its types, its checks and the JSON Schema that
// editors use all come from here. What the values mean together is `settle`'s to know.

import * as z from 'zod'
import { coordination, machine } from './schema-cluster.ts'
import { database } from './schema-database.ts'
import { frontend } from './schema-frontend.ts'
import { metrics, statsSocket } from './schema-observe.ts'
import { service } from './schema-service.ts'
import { count, key, name } from './schema-values.ts'

/** The whole file. */
export const file = z
  .strictObject({
    name: key(name(), 'What this is called. Without it, the name of the file’s folder.'),
    machines: key(
      z.record(name(), machine).meta({ errorMessage: 'expected machines by name' }),
      'The machines that keep this up together, by name. Without it, this one alone.',
    ),
    coordination: key(
      coordination,
      'What the machines agree through. Without it, a server of Always On’s own on the one ' +
        'machine there is; several machines need `managed` or `{ zookeeper: … }`.',
    ),
    services: key(
      z.record(name(), service).meta({ errorMessage: 'expected services by name' }),
      'What has to stay up, by name: replicas that Always On runs, or servers that others run. ' +
        'May be left out where there are `databases`.',
    ),
    frontends: key(
      z.record(name(), frontend).meta({ errorMessage: 'expected frontends by name' }),
      'Where clients connect, by name.',
    ),
    databases: key(
      z.record(name(), database).meta({ errorMessage: 'expected databases by name' }),
      'Replicated databases, by name: a primary that may die, and replicas that take its place.',
    ),
    metrics: key(
      metrics,
      'Where the agent answers `/metrics` (Prometheus), `/stats` (a page), `/stats;csv` (as ' +
        'HAProxy does) and `/health`. Without it, nowhere.',
    ),
    stats_socket: key(
      statsSocket,
      'A Unix socket that takes HAProxy’s runtime words: `show stat`, `set server …`. Without ' +
        'it, there is none.',
    ),
    edges: key(
      count(1, 256),
      'How many processes carry the traffic. Without it one a core, and at least two.',
    ),
  })
  .meta({
    title: 'alwayson.yaml',
    description: 'What has to stay up. `alwayson up` keeps it up.',
    errorMessage: 'expected a map with `services` and `frontends`',
  })

export type RawFile = z.infer<typeof file>
export type RawMachine = NonNullable<RawFile['machines']>[string]
export type RawCoordination = NonNullable<RawFile['coordination']>
export type RawService = NonNullable<RawFile['services']>[string]
export type RawFrontend = NonNullable<RawFile['frontends']>[string]
export type RawDatabase = NonNullable<RawFile['databases']>[string]
export type RawRoute = NonNullable<RawFrontend['routes']>[number]
export type RawCheck = NonNullable<RawService['check']>
