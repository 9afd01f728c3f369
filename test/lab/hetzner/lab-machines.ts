import { parse } from 'yaml'
import { z } from 'zod'
import type { Lab } from '../lab.ts'
import type { LabServer } from '../server.ts'
import type { Machines } from './project.ts'

/** What is understood of user data, as cloud-init's module for SSH would. */
const cloudConfig = z.strictObject({
  ssh_deletekeys: z.literal(true),
  ssh_keys: z.strictObject({ ecdsa_private: z.string(), ecdsa_public: z.string() }),
})

/** cloud-init makes no other host keys where it is given some. */
const leaveGivenKeyAlone = 'rm -f /etc/ssh/ssh_host_ed25519_key* /etc/ssh/ssh_host_rsa_key* && systemctl restart ssh'

/** Boots a server of a lab for every machine that is ordered, and leaves it as cloud-init would. */
export function labMachines(lab: () => Lab): Machines {
  const booted = new Map<string, LabServer>()
  return {
    async boot({ name, publicKeys, userData }) {
      const { ecdsa_private: privateKey, ecdsa_public: publicKey } = cloudConfig.parse(parse(userData)).ssh_keys
      const ordered = { authorizedKeys: publicKeys, hostKey: { publicKey, privateKey } }
      const server = await lab().server(name, { preinstalled: true, ordered })
      await server.exec(['sh', '-c', leaveGivenKeyAlone])
      booted.set(name, server)
      return server
    },
    async destroy(name) {
      await booted.get(name)?.remove()
      booted.delete(name)
    },
  }
}
