// What does the manifest of a base say of MariaDB? The name of its part. Pure.

/** All tables as statements, with the position that they are of. */
export const dumpPart = 'tables.sql.zst'
