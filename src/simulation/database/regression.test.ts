// Lives that once broke a promise: do they keep it now?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LifeParts, liveDatabase } from './life.ts'

const deposed = [
  ...['keeper killed', 'keeper back', 'another decider with an old view', 'cut off', 'mended'],
  ...['coordinator out of reach', 'coordinator reached again'],
]

const once: Readonly<Record<string, readonly LifeParts[]>> = {
  'a primary that stands alone is ended by its guard': [
    ...[{ seed: 1_090_953 }, { seed: 1_125_065 }, { seed: 1_258_392 }],
  ],
  'when nothing is written down nobody knows where histories part': [{ seed: 1_169_713 }],
  'when nothing is written down one that left the file is asked too': [{ seed: 1_207_284 }],
  'a winner that began before it was lost is told from one that did not': [
    ...[{ seed: 1_001_411 }, { seed: 1_008_257 }, { seed: 11_979, only: deposed }],
    { seed: 3166, durability: 'async', only: deposed },
    { seed: 4346, durability: 'async', only: deposed },
  ],
  'a set that was outvoted vouches for nobody who was promoted afterwards': [
    ...[{ seed: 1_060_061 }, { seed: 1_089_425 }],
  ],
  'one whose copy was interrupted is not waited for': [{ seed: 1_078_734 }],
  'one whose history turns out to have parted is asked for nothing when a database begins again': [
    ...[{ seed: 200_147_802 }, { seed: 200_197_265 }, { seed: 300_040_877 }],
  ],
  'one on the very line on which a primary began is not copied anew': [{ seed: 200_211_279 }],
  'one that has stopped has nothing more on its disk afterwards': [{ seed: 200_264_178 }],
  'an operator can go on with one whose history has parted': [{ seed: 700_995_660 }],
  'whoever has more than one that has forgotten something can be elected': [{ seed: 702_039_049 }],
  'one that acknowledges and is behind catches up': [{ seed: 700_696_984 }],
  'whoever could vouch for a primary that is gone is asked, also if its history has parted': [
    ...[
      { seed: 1_000_555_040, isAll: true },
      { seed: 3_000_059_900, isAll: true },
    ],
  ],
  'what one acknowledged alone is given up by name, also if two winners are lost after it': [
    { seed: 7_000_529_812, isAll: true },
  ],
  'whoever is promoted has promised nothing to a record that is gone': [
    { seed: 11_001_649_770, isAll: true },
  ],
  'what was written before an operator gave it up, and is acknowledged afterwards, is given up': [
    { seed: 13_000_457_906, isAll: true },
  ],
  'what was restored vouches for nothing that was acknowledged on what was restored before': [
    { seed: 13_500_239_098, durability: 'async', isAll: true },
  ],
  'what is being put in place goes on when the record of that is lost': [
    { seed: 20_003_764_227, isAll: true },
  ],
  'a winner that waits for nobody is elected again when it is back': [
    { seed: 106_626, durability: 'async' },
  ],
}

for (const [what, lives] of Object.entries(once)) {
  test(what, () => {
    for (const parts of lives) {
      // As they were lived when they broke it: of less than lives know of by now.
      assert.equal(liveDatabase({ isAll: false, ...parts }).broken, undefined)
    }
  })
}
