// MariaDB keeps what members on several machines promise each other.

import type { TLSSocket } from 'node:tls'
import { createConnection } from 'mysql2/promise'
import { openMariadbReader } from '../../src/databases/engines/mariadb/compare.ts'
import { mariadb } from '../../src/databases/engines/mariadb/kin.ts'
import { receiverName } from '../../src/databases/engines/mysql-kin/gate.ts'
import { Session } from '../../src/databases/engines/mysql-kin/session.ts'
import { vouchersBy } from '../../src/databases/engines/mysql-kin/vouch.ts'
import { type MachineCertificate, tlsTo } from '../../src/databases/member-tls.ts'
import { accounts, soon } from '../conformance/database-scene.ts'
import { mariadb as kind } from './mariadb-member.ts'
import { securedMembers } from './secured-members.ts'

/** The one of its two accounts that m2 comes by while its acknowledgements count. */
const account = {
  user: receiverName(accounts, 'm2', 'acknowledging'),
  password: accounts.replication.password,
}

securedMembers({
  kind,
  protocol: 'mysql',
  vouchers: vouchersBy(mariadb),
  reader: openMariadbReader,
  async streams(scene, primary) {
    let [secured, plain] = [0, 0]
    for (const { name, options } of scene.seats.filter((seat) => seat.name !== primary)) {
      using session = await Session.open(
        { socket: `${options.run}/sql.sock` },
        accounts.admin,
        soon(),
      )
      const {
        Slave_IO_Running: runs,
        Master_SSL_Allowed: allowed,
        ...row
      } = await session.one('SHOW SLAVE STATUS', soon())
      const isVerified = row.Master_SSL_Verify_Server_Cert === 'Yes' && allowed === 'Yes'
      if (runs !== 'Yes') throw new Error(`${name} does not receive`)
      if (isVerified) secured += 1
      else plain += 1
    }
    return { secured, plain }
  },
  async comeAsReplica({ host, port }, shown) {
    const tls = shown as MachineCertificate | undefined
    using session = await Session.open({ host, port, tls }, account, soon())
    await session.query('SELECT 1', soon())
  },
  isSecured: { question: "SHOW STATUS LIKE 'Ssl_cipher'", answer: /./ },
  async fingerprint({ host, port }, tls) {
    const ssl = { ...tlsTo(host, tls), rejectUnauthorized: true }
    const client = await createConnection({ host, port, ...account, ssl })
    try {
      const { connection } = client as unknown as { connection: { readonly stream: TLSSocket } }
      return connection.stream.getPeerCertificate().fingerprint256
    } finally {
      await client.end()
    }
  },
})
