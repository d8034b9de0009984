// Asks the agent beside a server: connects, reads one line, and lets go.

import { connect as socketTo } from 'node:net'
import type { Clock } from '../../foundation/time.ts'
import { agentLineBytesMost, readAgentLine } from '../agent-words.ts'
import type { AgentAsker } from '../prober.ts'

/** An asker of real agents; disposing it ends the questions that are still open, unanswered. */
export function openAgentAsker(clock: Clock): AgentAsker & Disposable {
  const open = new Set<() => void>()
  return {
    ask(target, agent, heard) {
      let text = ''
      let isOver = false
      const socket = socketTo({ host: agent.host ?? target.host, port: agent.port, noDelay: true })
      const finish = (tells: boolean): void => {
        if (isOver) return
        isOver = true
        open.delete(give)
        deadline[Symbol.dispose]()
        socket.resetAndDestroy()
        if (tells) heard(readAgentLine(text))
      }
      const give = (): void => finish(false)
      open.add(give)
      const deadline = clock.after(agent.timeout, () => finish(true))
      socket.setEncoding('latin1')
      socket.once('connect', () => {
        if (agent.send !== '') socket.write(agent.send)
      })
      socket.on('data', (chunk: string) => {
        text += chunk
        if (/[\r\n]/.test(chunk) || text.length >= agentLineBytesMost) finish(true)
      })
      // An agent that cannot be reached says nothing of the server.
      socket.once('error', () => finish(true))
      socket.once('end', () => finish(true))
      socket.once('close', () => finish(true))
    },
    [Symbol.dispose]() {
      for (const give of [...open]) give()
    },
  }
}
