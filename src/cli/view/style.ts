// How is a word made to stand out? By colour, where the screen has some. Pure.

import { styleText } from 'node:util'

/** What a word is, for the eye. */
export type Tone = 'plain' | 'good' | 'doubtful' | 'bad' | 'faint' | 'strong'

const formats = {
  plain: undefined,
  good: 'green',
  doubtful: 'yellow',
  bad: 'red',
  faint: 'dim',
  strong: 'bold',
} as const satisfies Record<Tone, Parameters<typeof styleText>[0] | undefined>

/** Gives a text its tone. */
export type Paint = (tone: Tone, text: string) => string

/** The paint of a screen that has colour, or has none. */
export const paintOf = ({ hasColor }: { readonly hasColor: boolean }): Paint =>
  hasColor ? inColor : (_, text) => text

function inColor(tone: Tone, text: string): string {
  const format = formats[tone]
  return format === undefined || text === ''
    ? text
    : styleText(format, text, { validateStream: false })
}
