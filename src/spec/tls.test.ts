// What may be wrong with TLS in a file is found while somebody looks at it.

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makePair, sharedPair } from '../../test/support/certificates.ts'
import { readSpec } from './read.ts'

const folder = mkdtempSync(join(tmpdir(), 'ao-spec-tls-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
const { certificate, key } = sharedPair()
write('shop.pem', certificate, 0o644)
write('shop.key', key)
write('both.pem', certificate + key)
write('open.key', key, 0o644)
write('other.key', makePair(['other.example']).key)

const read = async (frontends: string) => {
  const path = write('alwayson.yaml', `services: { web: { run: x } }\nfrontends:\n${frontends}`)
  return readSpec(path, {}, 2)
}

const problemsOf = async (tls: string, more = ''): Promise<readonly string[]> => {
  const found = await read(`  secure: { bind: ":443", to: web, tls: ${tls} }\n${more}`)
  return found.kind === 'problems' ? found.problems.map((p) => `${p.path}: ${p.message}`) : []
}

test('certificates are named by one file or two, found from the folder of the file', async () => {
  const found = await read(
    '  secure: { bind: ":443", to: web, tls: { certificates: [both.pem, ' +
      '{ certificate: shop.pem, key: shop.key }], min_version: TLSv1.3 } }',
  )
  assert.ok(found.kind === 'spec', JSON.stringify(found))
  const { tls } = found.spec.frontends.secure ?? {}
  const at = (name: string): string => join(folder, name)
  assert.deepEqual(tls?.certificates, [
    { certificate: at('both.pem'), key: at('both.pem') },
    { certificate: at('shop.pem'), key: at('shop.key') },
  ])
  assert.equal(tls?.oldest, 'TLSv1.3')
})

test('files that are missing, do not fit or are open to all are told by place', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      '{ certificates: [gone.pem] }',
      /certificates\[0\].*cannot read `gone\.pem`: there is no such/,
    ],
    ['{ certificates: [shop.pem] }', /certificates\[0\].*the key cannot be used: it holds no/],
    [
      '{ certificates: [{ certificate: shop.pem, key: other.key }] }',
      /certificates\[0\]\.key.*belongs to another certificate/,
    ],
    [
      '{ certificates: [{ certificate: shop.pem, key: open.key }] }',
      /certificates\[0\]\.key.*every user of this machine/,
    ],
    ['{ min_version: TLSv1.3 }', /there is no certificate to show/],
    ['{ certificates: [both.pem], alpn: [h2] }', /alpn.*in HTTP mode/],
  ]
  for (const [tls, expected] of cases) {
    const problems = await problemsOf(tls)
    assert.match(problems.join('\n'), expected, tls)
    assert.equal(problems.length, 1, problems.join('\n'))
  }
})

test('an authority needs names, consent, and somebody to answer it', async () => {
  const plain = '  plain: { bind: ":80", redirect: https }\n'
  const acme = (more: string): string => `{ acme: { agree_to_terms: true${more} } }`
  assert.deepEqual(await problemsOf(acme(', names: [shop.example]'), plain), [])
  assert.match((await problemsOf(acme(''), plain)).join(), /no name to ask a certificate for/)
  assert.match(
    (await problemsOf(acme(', names: [shop.example]'))).join(),
    /no frontend without TLS is there to answer/,
  )
  assert.deepEqual(await problemsOf(acme(', names: [shop.example], challenge: tls-alpn-01')), [])
  assert.match(
    (await problemsOf(acme(', names: ["*.shop.example"]'), plain)).join(),
    /asks about wildcards in the DNS alone/,
  )
  const without = '{ acme: { names: [shop.example] } }'
  assert.match((await problemsOf(without, plain)).join(), /agree_to_terms/)
})

test('a frontend that redirects does nothing else', async () => {
  const found = await read(
    '  plain: { bind: ":80", redirect: { to: https, port: 8443, status: 301 } }',
  )
  assert.ok(found.kind === 'spec', JSON.stringify(found))
  assert.deepEqual(found.spec.frontends.plain?.redirect, { status: 301, port: 8443 })
  const both = await read('  plain: { bind: ":80", to: web, redirect: https }')
  assert.ok(both.kind === 'problems')
  assert.match(both.problems[0]?.message ?? '', /every request is sent to https/)
})
