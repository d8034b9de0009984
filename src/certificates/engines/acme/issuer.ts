// An authority that speaks ACME (RFC 8555), through acme-client, which is loaded when it is needed.

import { createHash, X509Certificate } from 'node:crypto'
import { Agent } from 'node:https'
import { rootCertificates } from 'node:tls'
import type { Authorization, Client } from 'acme-client'
import type { Challenge } from '../../../balancing/model.ts'
import { Fault } from '../../../foundation/fault.ts'
import type { Issuer, Proof } from '../../issuer.ts'
import type { AcmeWish } from '../../model.ts'
import type { PemPair } from '../../placeholder.ts'
import type { SecretStore } from '../../store.ts'

/** How long, and how patiently, an authority is asked whether it has made up its mind. */
const patience = { backoffAttempts: 10, backoffMin: 500, backoffMax: 5000 }
const requestTimeout = 30_000

const fingerprint = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16)

/** Keeps one account for each directory. */
export function openAcmeIssuer(): Issuer {
  return {
    async issue(wish, proof, store) {
      const acme = await import('acme-client')
      acme.axios.defaults.httpsAgent = trusting(wish)
      acme.axios.defaults.timeout = requestTimeout
      // What fails is tried again by our own rules, and told before that.
      const once = { retryMaxAttempts: 0, retryDefaultDelay: 1 }
      Object.assign(acme.axios.defaults, { acmeSettings: once })
      const accountKey = await accountKeyOf(wish.directory, store)
      const client = new acme.Client({ directoryUrl: wish.directory, accountKey, ...patience })
      const contact = wish.email === undefined ? {} : { contact: [`mailto:${wish.email}`] }
      await client.createAccount({ termsOfServiceAgreed: true, ...contact })
      const identifiers = wish.names.map((value) => ({ type: 'dns', value }))
      const order = await client.createOrder({ identifiers })
      for (const authorization of await client.getAuthorizations(order)) {
        await authorize(client, authorization, wish, proof)
      }
      const key = acme.crypto.createPrivateEcdsaKey()
      const [commonName = '', ...altNames] = wish.names
      const [csrKey, csr] = await acme.crypto.createCsr(
        { commonName, altNames: [commonName, ...altNames] },
        await key,
      )
      const finalized = await client.finalizeOrder(order, csr)
      const certificate = await client.getCertificate(finalized)
      return { certificate, key: csrKey.toString() }
    },
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

async function authorize(
  client: Client,
  authorization: Authorization,
  wish: AcmeWish,
  proof: Proof,
): Promise<void> {
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
    await client.waitForValidStatus(asked)
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
