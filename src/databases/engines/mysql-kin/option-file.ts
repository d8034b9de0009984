// How is a value written in an option file of MariaDB or MySQL? Pure.

/** `rpl-semi_sync-Master` and `loose_rpl…` are one setting to the server. */
export const canonicalName = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll('-', '_')
    .replace(/^(loose|maximum|enable|disable)_/, '')

/** A `#` would begin a comment, and blanks at the ends would go (their manuals, "Option Files"). */
export const quote = (value: string): string =>
  /^[\w./:,@%+-]+$/.test(value) ? value : `"${value.replaceAll(/[\\"]/g, String.raw`\$&`)}"`
