// Unpacking a copy: what a nearly full disk takes only a part of is no copy.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

for (const size of [100_000, 1_000_000]) {
  test(`a file of ${size} bytes of which only a part can be written fails the copy`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tar-'))
    t.after(() => rmSync(folder, { recursive: true }))
    // As on a nearly full disk, the first write(2) takes what fits and says so by its count alone.
    const code = `
      import { Unpacker } from ${JSON.stringify(import.meta.resolve('./tar.ts'))}
      process.on('SIGXFSZ', () => {})
      const header = Buffer.alloc(512)
      header.write('base/1')
      header.write('${size.toString(8).padStart(11, '0')}', 124)
      header.write('0', 156)
      const unpacker = new Unpacker(process.argv[1], undefined, () => {})
      try {
        await unpacker.write(header)
        await unpacker.write(Buffer.alloc(${size}, 1))
        await unpacker.end()
        console.log('whole')
      } catch (thrown) {
        await unpacker.abandon()
        console.log(thrown.code)
      }`
    const line = 'ulimit -f 16 && exec "$@"'
    const node = [process.execPath, '--input-type=module', '--eval', code, folder]
    const { stdout, stderr } = spawnSync('sh', ['-c', line, 'sh', ...node], { encoding: 'utf8' })
    assert.equal(stdout, 'EFBIG\n', stderr)
  })
}
