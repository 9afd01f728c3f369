import { z } from 'zod'
import { operationById } from '../db/operations/begin.ts'
import { resealBatch, sealedByKey } from '../db/sealed-columns.ts'
import type { SealedPosition } from '../domain/sealed-places.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'

/** `operations.input` of a `key_rotation`. */
const requested = z.object({ keyId: z.string() })

/** What is encrypted in the database gets another key. */
export function keyActivities({ db, keyring }: ActivityDeps) {
  return {
    /**
     * Seals the next rows with the current key and says where to go on; null at the end. Fails as `other_key` where this process seals
     * with another one than was asked for, and as `key_missing` where it does not have the one that a row was sealed with.
     */
    async resealBatch({ operationId, position }: OperationInput & { position: SealedPosition }): Promise<SealedPosition | null> {
      const { keyId } = requested.parse((await operationById(db, operationId)).input)
      if (keyring.currentKey !== keyId) throw otherKey(keyring.currentKey, keyId)
      return resealBatch(db, keyring, position).catch(async (error: unknown) => {
        const missing = (await sealedByKey(db)).filter((sealed) => !keyring.keys.includes(sealed.keyId))
        throw missing.length === 0 ? error : keyMissing(missing.map((sealed) => sealed.keyId))
      })
    },
  }
}

const otherKey = (current: string, wished: string) =>
  finalFailure({
    code: 'other_key',
    message: `A worker encrypts with the key ${current}, and ${wished} was asked for.`,
    hint: 'Give every process of Keystone the same key file, start them anew, then start the rotation again.',
  })

const keyMissing = (ids: readonly string[]) =>
  finalFailure({
    code: 'key_missing',
    message: `Values are encrypted with ${ids.join(', ')}, and the key file does not have it.`,
    hint: 'Put the key back into the file, start Keystone anew, then start the rotation again.',
  })
