// What has to be said when a data folder is made, since no later start could change it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shapingOptions } from './drafts.ts'

test('files are made as the settings shape them, and by nothing else of them', () => {
  const settings = {
    ...{ innodb_page_size: '32k', loose_innodb_data_file_path: 'ibdata1:1G' },
    ...{ 'lower-case-table-names': '1', max_connections: '7', innodb_force_recovery: '6' },
  }
  assert.deepEqual(
    shapingOptions(settings, (name) => name !== 'innodb_force_recovery'),
    [
      ...['--innodb_page_size=32k', '--loose_innodb_data_file_path=ibdata1:1G'],
      '--lower-case-table-names=1',
    ],
  )
})
