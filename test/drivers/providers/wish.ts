import { idOf } from '../../../db/ids.ts'
import type { OrganisationId, ServerId } from '../../../domain/ids.ts'
import { Secret } from '../../../domain/secret.ts'
import type { MachineWish } from '../../../drivers/providers/contract.ts'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'

interface Wished extends Partial<Omit<MachineWish, 'serverId'>> {
  organisationId: OrganisationId
  /** The end of its id. */
  serverId?: string
}

/** A machine that the fake offers; the same owner always has the same key. */
export function wishFor({ serverId = 'bb', ...others }: Wished): MachineWish {
  return {
    ...{ serverId: idOf<ServerId>(`0198c0de-0000-7000-8000-${serverId.padStart(12, '0')}`), name: 'web-1' },
    ...{ location: 'fsn1', type: 'cx22', image: 'debian-12', network: 'inside' },
    ...{ loginKey: generateDeployKey('root').publicKey, firstBoot: new Secret('#cloud-config\n'), ...others },
  }
}
