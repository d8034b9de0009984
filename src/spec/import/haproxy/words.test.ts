// Are lines split as HAProxy splits them (configuration manual, sections 2.2 and 2.3)?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { openNamer, plainName } from './names.ts'
import { splitLine } from './words.ts'

suite('a line', () => {
  const rows: readonly (readonly [line: string, ...words: string[]])[] = [
    ['  bind  *:80\tname x ', 'bind', '*:80', 'name', 'x'],
    ['bind :80 # the door', 'bind', ':80'],
    ['bind :80#the door', 'bind', ':80'],
    ['acl a path \\#x', 'acl', 'a', 'path', '#x'],
    ['stats realm Strictly\\ Private', 'stats', 'realm', 'Strictly Private'],
    ['stats realm "Strictly Private"', 'stats', 'realm', 'Strictly Private'],
    ["acl a path_reg '^/a$ #1'", 'acl', 'a', 'path_reg', '^/a$ #1'],
    ['acl a path_reg ^/a\\.b$', 'acl', 'a', 'path_reg', '^/a\\.b$'],
    ['send PING\\r\\n', 'send', 'PING\r\n'],
    ['send \\x41\\x4', 'send', 'A\\x4'],
    ['server s "" check', 'server', 's', '', 'check'],
    ['bind "$HOST:80"', 'bind', '${env.HOST}:80'],
    ['bind "${HOST-10.0.0.1}:${PORT}"', 'bind', '${env.HOST:-10.0.0.1}:${env.PORT}'],
    ['acl a path $HOME ${HOME}', 'acl', 'a', 'path', '$HOME', '$${HOME}'],
    ['acl a path \'${HOME}\' "\\$HOME"', 'acl', 'a', 'path', '$${HOME}', '$HOME'],
  ]
  for (const [line, ...words] of rows) {
    test(`is split: ${line}`, () => {
      const split = splitLine(line)
      assert.deepEqual('words' in split ? split.words : split.fault, words)
    })
  }

  for (const line of ['server "a', "server 'a", 'server a\\', 'bind "$:80"']) {
    test(`is refused: ${line}`, () => assert.ok('fault' in splitLine(line)))
  }
})

test('names stay as they are where they can, and never meet', () => {
  const namer = openNamer(40, plainName)
  const names = ['web', 'Web', 'web', '10-x', 'a b', '__', 'x'.repeat(50), 'x'.repeat(50)]
  const given = names.map((name) => namer.name(name))
  assert.deepEqual(given.slice(0, 6), ['web', 'web-2', 'web-3', 'b-10-x', 'a-b', 'b-__'])
  assert.equal(new Set(given).size, given.length)
  for (const name of given) assert.match(name, /^[a-z][a-z0-9_-]{0,39}$/)
})
