// The door by which machines hear each other: one socket for datagrams on the machine's address.

import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { Fault, systemCode } from '../../foundation/fault.ts'
import { type Clock, ms } from '../../foundation/time.ts'
import { type BeaconCodec, bytesMost } from './beacon.ts'
import { Ears } from './hearing.ts'

/** Where the others are: by their names. */
export type Peers = ReadonlyMap<string, { readonly address: string; readonly port: number }>

/** What a door is opened with. */
export interface DoorOptions {
  readonly machine: string
  readonly life: string
  readonly address: string
  readonly codec: BeaconCodec
  readonly clock: Clock
  /** The machine's wall clock, in milliseconds: it may jump. */
  readonly wall: () => number
  readonly peers: () => Peers
}

/** An open door. */
export interface Door extends Disposable {
  readonly port: number
  readonly ears: Ears
}

/** The port of every door that is free to have it; another is told to those who take part. */
export const usualPort = 7417

/** How often each machine is told that we are here. */
const speakEvery = ms(500)

/** Opens the door. Rejects with a Fault if the address is none of this machine's. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const socket = await bound(options, usualPort)
  const ears = new Ears(options.machine)
  const { codec, clock, wall } = options
  socket.on('message', (bytes) => {
    const beacon = codec.parse(bytes)
    if (beacon !== undefined) ears.hear(beacon, wall(), clock.now())
  })
  // What cannot be sent is not heard: that is what the door is for.
  socket.on('error', () => {})
  let timer: Disposable
  const speak = (): void => {
    timer = clock.after(speakEvery, speak)
    for (const [machine, { address, port }] of options.peers()) {
      if (machine === options.machine) continue
      const beacon = ears.speak(machine, options.life, wall(), clock.now())
      const bytes = codec.format(beacon)
      // Of very many machines each tells what it heard itself, and passes nothing on.
      const own = { [options.machine]: { age: 0, hears: ears.hears(clock.now()) } }
      const short = bytes.length <= bytesMost ? bytes : codec.format({ ...beacon, rows: own })
      socket.send(short, port, address, () => {})
    }
  }
  timer = clock.after(ms(0), speak)
  return {
    port: socket.address().port,
    ears,
    [Symbol.dispose]() {
      timer[Symbol.dispose]()
      socket.close()
    },
  }
}

/** A socket on the machine's address, on this port, or on another if somebody has it. */
function bound({ address, machine }: DoorOptions, port: number): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  return new Promise((resolve, reject) => {
    socket.once('error', (cause) => {
      socket.close()
      if (systemCode(cause) === 'EADDRINUSE' && port !== 0) {
        resolve(bound({ address, machine } as DoorOptions, 0))
        return
      }
      reject(
        new Fault('bad-file', `machine ${machine} has the address ${address}, and it is not here`, {
          cause,
          remedy: 'is this another machine (--machine NAME), or has the address changed?',
        }),
      )
    })
    socket.bind(port, address, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}
