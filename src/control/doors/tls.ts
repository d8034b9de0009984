// Connections between the machines of one cluster: both sides show a certificate of its authority,
// and each knows by the other's which machine it speaks to.

import type { PeerCertificate, SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls'
import { Fault } from '../../foundation/fault.ts'
import type { MachineKeys } from './keys.ts'

type Pem = Pick<MachineKeys, 'ca' | 'cert' | 'key'>

/** What a server of a machine is opened with (`tls.createServer`): nobody comes in uncertified. */
export const serverTls = ({ ca, cert, key }: Pem): TlsOptions => ({
  ca,
  cert,
  key,
  requestCert: true,
  rejectUnauthorized: true,
  minVersion: 'TLSv1.2',
})

/** What a connection to another machine is opened with (`tls.connect`), whatever its address. */
export const clientTls = (
  { ca, cert, key }: Pem,
  machine: string,
): SecureContextOptions & {
  readonly servername: string
  readonly checkServerIdentity: (host: string, peer: PeerCertificate) => Error | undefined
} => ({
  ca,
  cert,
  key,
  minVersion: 'TLSv1.2',
  servername: machine,
  // By the machine's name, not its address: addresses change, and two may share one.
  checkServerIdentity: (_host, peer) =>
    peer.subject.CN === machine
      ? undefined
      : new Fault('refused', `the certificate is of ${peer.subject.CN}, not of ${machine}`),
})

/** Which machine is on the other side of a connection that was let in. */
export const machineOf = (socket: TLSSocket): string | undefined => {
  const name = socket.authorized ? socket.getPeerCertificate().subject?.CN : undefined
  return typeof name === 'string' ? name : undefined
}
