// What a server says of whom it lets in means the same when it stands in a file of ours.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessLine } from './adopted-access.ts'

const row = {
  ...{ type: 'host', database: ['all'], user_name: ['all'], address: '10.0.0.0' },
  ...{ netmask: '255.0.0.0', auth_method: 'md5', options: null, error: null },
}

test('quotes names, and leaves words that mean something as they are', () => {
  assert.equal(accessLine(row), 'host all all "10.0.0.0" 255.0.0.0 md5')
  const local = { ...row, type: 'local', address: null, netmask: null, auth_method: 'peer' }
  assert.equal(accessLine(local), 'local all all peer')
  const named = { ...row, database: ['my shop', 'sameuser'], user_name: ['+staff', 'O"Neil'] }
  const said = 'host "my shop",sameuser +staff,"O""Neil" "10.0.0.0" 255.0.0.0 md5'
  assert.equal(accessLine(named), said)
  const near = { ...row, address: 'samenet', netmask: null, options: ['map=a b'] }
  assert.equal(accessLine(near), 'host all all samenet md5 "map=a b"')
})

test('leaves out what the server itself could not read', () => {
  assert.equal(accessLine({ ...row, error: 'invalid authentication method' }), undefined)
})
