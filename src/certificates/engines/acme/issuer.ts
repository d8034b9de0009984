// An authority that speaks ACME (RFC 8555), through acme-client, which is loaded when it is needed.

import { createHash, X509Certificate } from 'node:crypto'
import { Agent } from 'node:https'
import { rootCertificates } from 'node:tls'
import type { Authorization, Client, Order } from 'acme-client'
import type { Challenge } from '../../../balancing/model.ts'
import { backoff } from '../../../control/backoff.ts'
import { describeError, Fault } from '../../../foundation/fault.ts'
import { type Clock, ms, sleep } from '../../../foundation/time.ts'
import type { Issuer, Proof } from '../../issuer.ts'
import type { AcmeWish } from '../../model.ts'
import type { PemPair } from '../../placeholder.ts'
import type { SecretStore } from '../../store.ts'
import { directRequests, onWay } from './way.ts'

/** How often, and how patiently, an authority is asked whether it has made up its mind. */
const patience = { first: ms(500), factor: 2, most: ms(5000), jitter: 0 }
const askedMost = 10

const fingerprint = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16)

/** Keeps one account for each directory. */
export function openAcmeIssuer(clock: Clock): Issuer {
  return {
    async issue(wish, proof, store, signal) {
      const { directory } = wish
      return await onWay({ directory, agent: trusting(wish), signal }, async () => {
        const client = await clientOf(wish, store)
        const asking: Asking = { client, wish, proof, clock, signal }
        const identifiers = wish.names.map((value) => ({ type: 'dns', value }))
        const order = await client.createOrder({ identifiers })
        for (const authorization of await client.getAuthorizations(order)) {
          await authorize(asking, authorization)
        }
        return await collect(asking, order)
      })
    },
  }
}

/** One order under way. */
interface Asking {
  readonly client: Client
  readonly wish: AcmeWish
  readonly proof: Proof
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** A client with an account. */
async function clientOf(wish: AcmeWish, store: SecretStore): Promise<Client> {
  const acme = await import('acme-client')
  directRequests(acme.axios)
  const accountKey = await accountKeyOf(wish.directory, store)
  // It asks once: its own waiting could not be ended.
  const once = { backoffAttempts: 1 }
  const client = new acme.Client({ directoryUrl: wish.directory, accountKey, ...once })
  const contact = wish.email === undefined ? {} : { contact: [`mailto:${wish.email}`] }
  await client.createAccount({ termsOfServiceAgreed: true, ...contact })
  return client
}

/** What an order comes to whose names have been shown to be ours. */
async function collect(asking: Asking, order: Order): Promise<PemPair> {
  const { client, wish } = asking
  const { crypto } = await import('acme-client')
  const [commonName = '', ...altNames] = wish.names
  const [key, csr] = await crypto.createCsr(
    { commonName, altNames: [commonName, ...altNames] },
    await crypto.createPrivateEcdsaKey(),
  )
  const finalized = await client.finalizeOrder(order, csr)
  const certificate = await decided(asking, () => client.getCertificate(finalized))
  return { certificate, key: key.toString() }
}

/** Asks until the authority has made up its mind; the way to it may fail meanwhile. */
async function decided<T>({ clock, signal }: Asking, ask: () => Promise<T>): Promise<T> {
  for (let asked = 1; ; asked += 1) {
    try {
      return await ask()
    } catch (thrown) {
      signal.throwIfAborted()
      const isOpen = thrown instanceof Fault || /pending or processing/.test(describeError(thrown))
      if (!isOpen || asked === askedMost) throw thrown
    }
    await sleep(clock, backoff(patience, asked, 0), signal)
  }
}

/** Who vouches for the directory: the usual authorities, and those that the file names. */
function trusting({ trust }: AcmeWish): Agent {
  return trust === undefined ? new Agent() : new Agent({ ca: [...rootCertificates, trust] })
}

async function accountKeyOf(directory: string, store: SecretStore): Promise<string> {
  const { crypto } = await import('acme-client')
  const name = `acme/account-${fingerprint(directory)}.pem`
  const kept = await store.read(name)
  if (kept !== undefined) return kept
  const made = (await crypto.createPrivateEcdsaKey()).toString()
  await store.write(name, made)
  return made
}

async function authorize(asking: Asking, authorization: Authorization): Promise<void> {
  const { client, wish, proof } = asking
  if (authorization.status === 'valid') return
  const { value: name } = authorization.identifier
  const asked = authorization.challenges.find(({ type }) => type === wish.challenge)
  if (asked === undefined) {
    const offered = authorization.challenges.map(({ type }) => type).join(', ')
    const message = `${wish.directory} does not offer ${wish.challenge} for ${name}`
    throw new Fault('unsupported', message, { remedy: `choose one of: ${offered}` })
  }
  const answer = await client.getChallengeKeyAuthorization(asked)
  const challenge: Challenge =
    wish.challenge === 'http-01'
      ? { kind: 'http-01', token: asked.token, answer }
      : { kind: 'tls-alpn-01', name, pair: await alpnPair(authorization, answer) }
  try {
    await proof.show(challenge)
    await client.completeChallenge(asked)
    await decided(asking, () => client.waitForValidStatus(asked))
  } finally {
    await proof.hide(challenge)
  }
}

async function alpnPair(authorization: Authorization, answer: string) {
  const { crypto } = await import('acme-client')
  const [key, certificate] = await crypto.createAlpnCertificate(authorization, answer)
  const pair: PemPair = { certificate: certificate.toString(), key: key.toString() }
  return { id: new X509Certificate(pair.certificate).fingerprint256, ...pair }
}
