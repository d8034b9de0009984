// How is the system asked for a connection, and in which words does it refuse a listener?

import { getSystemErrorName } from 'node:util'
import type { Bind } from '../../../model.ts'
import type { ListenHandle, RawBindings, TcpHandle } from './raw-bindings.ts'

/** Begins to connect; `opened` is called later with zero or the system's error. */
export function dialTo(
  bindings: RawBindings,
  handle: TcpHandle,
  address: string,
  port: number,
  opened: (status: number) => void,
): void {
  const request = new bindings.TCPConnectWrap()
  request.oncomplete = opened
  const code = address.includes(':')
    ? handle.connect6(request, address, port)
    : handle.connect(request, address, port)
  if (code !== 0) process.nextTick(() => opened(code))
}

/** Closes a handle that could not be listened on, and says why in an error with its code. */
export function refused(handle: ListenHandle, code: number, bind: Bind): Error {
  handle.close()
  const name = getSystemErrorName(code)
  return Object.assign(new Error(`cannot listen at ${bind.host}:${bind.port}: ${name}`), {
    code: name,
  })
}
