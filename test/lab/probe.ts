import { connect, type Socket } from 'node:net'

/** Whether a TCP connection is accepted within a second. */
export function accepts(address: string, port: number): Promise<boolean> {
  return probe(address, port, (socket, yes) => socket.once('connect', yes))
}

/** Whether an sshd says its name within a second; a server that hangs accepts connections and stays silent. */
export function speaksSsh(address: string): Promise<boolean> {
  return probe(address, 22, (socket, yes) => socket.once('data', yes))
}

function probe(address: string, port: number, listen: (socket: Socket, yes: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 1000 })
    const answer = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    listen(socket, () => answer(true))
    socket.once('timeout', () => answer(false)).once('error', () => answer(false)).once('close', () => answer(false))
  })
}
