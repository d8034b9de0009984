// How may the machines of a cluster be written, and what they agree through?

import * as z from 'zod'
import { defaults } from './defaults.ts'
import {
  address,
  count,
  duration,
  hosts,
  key,
  name,
  nodePath,
  requiredKey,
  size,
  worded,
} from './schema-values.ts'

const reachable = z
  .string()
  .regex(/^[A-Za-z0-9._:[\]-]+$/)
  .meta({
    errorMessage: 'expected an address that the other machines reach, such as `10.0.0.11`',
  })

/** The value of `machines.NAME`. */
export const machine = worded(
  z.union([
    reachable,
    z.strictObject({
      address: requiredKey(reachable, 'Where the other machines reach it: an address or a name.'),
      zone: key(
        name(),
        'What it shares its fate with: a rack, a room, a site. Replicas spread over zones first.',
      ),
      capacity: key(
        z.number().positive().max(1000).meta({ errorMessage: 'expected a number like `2`' }),
        'How much it carries beside the other machines of its zone: twice the capacity, twice ' +
          'the replicas.',
        1,
      ),
    }),
  ]),
  'an address such as `10.0.0.11`, or the long form `{ address: 10.0.0.11, zone: east-1 }`',
)

const common = {
  chroot: key(
    nodePath(),
    'The node below which everything of this file lives. Without it `/alwayson/NAME`, with the ' +
      'file’s `name`.',
  ),
  session: key(
    duration(500),
    'How long a machine may be silent before it counts as lost. A server may grant more: Apache ' +
      'ZooKeeper at least two of its ticks.',
    defaults.coordination.session,
  ),
}

const port = (): z.ZodInt => count(1, 65_535)

const tls = worded(
  z.union([
    z.literal(true),
    z.strictObject({
      ca: key(z.string().min(1), 'The file with the authority’s certificate, in PEM.'),
      cert: key(z.string().min(1), 'The file with the certificate to show, in PEM.'),
      key: key(z.string().min(1), 'The file with its key, in PEM.'),
    }),
  ]),
  '`true`, or the long form `{ ca: ./ca.pem, cert: ./us.pem, key: ./us.key }`',
)

const existing = z.strictObject({
  zookeeper: requiredKey(
    worded(
      z.union([hosts(), z.array(address()).min(1)]),
      'servers as `zk1:2181,zk2:2181`, or a list of them',
    ),
    'The servers of an ensemble that something else runs.',
  ),
  tls: key(tls, 'Speak TLS; `true` trusts the authorities that the system does.'),
  ...common,
})

const managed = z.strictObject({
  managed: requiredKey(
    worded(
      z.union([z.literal(true), z.array(name()).min(1)]),
      '`true`, or the names of the machines that run it',
    ),
    'Run Apache ZooKeeper on these machines; `true`: on the first five, three or one of them.',
  ),
  home: key(
    z.string().min(1),
    'The folder of an Apache ZooKeeper that was unpacked. Without it, Debian’s package ' +
      '`zookeeper`.',
  ),
  data: key(
    z.string().min(1),
    'Where it keeps its data on each machine. Without it, beside the file’s other state.',
  ),
  memory: key(size(), 'The heap of each server.', defaults.coordination.memory),
  ports: key(
    z.strictObject({
      client: key(port(), 'For clients.', defaults.coordination.ports.client),
      peer: key(port(), 'For followers of a leader.', defaults.coordination.ports.peer),
      election: key(port(), 'For elections.', defaults.coordination.ports.election),
    }),
    'Where each server listens, on its machine’s address.',
  ),
  ...common,
})

/** The value of `coordination`. */
export const coordination = worded(
  z.union([z.enum(['embedded', 'managed']), existing, managed]),
  '`embedded`, `managed`, or `{ zookeeper: "zk1:2181,zk2:2181" }`',
)
