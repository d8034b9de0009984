// What do we lack ourselves? That no connection can be had for it says nothing of a server.

const lacks = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])

/** Whether a connection failed for want of files, memory or ports of this machine. */
export const isOurLack = (code: string): boolean => lacks.has(code)
