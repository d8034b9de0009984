// Where are the servers that are checked? On loopback, fifty ports of each address.

const ports = 50
const firstPort = 18_200

/** The place of one server, below the ports that the system gives to connections. */
export const addressOf = (index: number): { readonly host: string; readonly port: number } => ({
  host: `127.0.1.${1 + Math.floor(index / ports)}`,
  port: firstPort + (index % ports),
})

/** As the files of both write it. */
export const addressText = (index: number): string => {
  const { host, port } = addressOf(index)
  return `${host}:${port}`
}
