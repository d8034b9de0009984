// Turns the source into what is published: dist/, plain JavaScript without the tests.

import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
// A file that was renamed must not stay behind in what is published.
rmSync(join(root, 'dist'), { recursive: true, force: true })
const compiler = join(root, 'node_modules', '.bin', 'tsc')
const built = spawnSync(compiler, ['--project', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
process.exitCode = built.status ?? 1
