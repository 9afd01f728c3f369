import { randomBytes } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { beginRotation, rotationOf } from '../../db/rotations.ts'
import { resealBatch, sealedByKey } from '../../db/sealed-columns.ts'
import { changeVariables, variablesOf } from '../../db/variables.ts'
import { type SealedPosition, sealedPlaces } from '../../domain/sealed-places.ts'
import { Secret } from '../../domain/secret.ts'
import { createKeyring } from '../../drivers/secrets/keyring.ts'
import { createTestDatabase } from '../database.ts'
import { environment, operation, organisation, service, slice } from './rows.ts'

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const newKey = () => randomBytes(32).toString('base64')
const keys = { first: newKey(), second: newKey() }
const old = createKeyring({ current: 'first', keys: { first: keys.first } })
const both = createKeyring({ current: 'second', keys })
const newer = createKeyring({ current: 'second', keys: { second: keys.second } })

const organisationId = await organisation(db)
const environmentId = await environment(db, organisationId)
const sliceId = await slice(db, await service(db, organisationId))
await database.sql`update applications set deploy_key_private = ${'k1.second.x.y'}`
const count = 450
const values = Object.fromEntries(Array.from({ length: count }, (_, index) => [`KEY_${index}`, new Secret(`value ${index}`)]))
await db.transaction((tx) => changeVariables(tx, old, { environmentId, values }))
await beginRotation(db, old, { sliceId, operationId: (await operation(db, { organisationId })).id, next: { password: new Secret('next') } })

test('a newer key encrypts every value again, in batches that may be repeated, until the old one is not needed', async () => {
  expect(await sealedByKey(db)).toEqual([{ keyId: 'first', values: count + 1 }, { keyId: 'second', values: 1 }])
  const visited: SealedPosition[] = []
  for (let position: SealedPosition | null = { column: 0, after: null }; position; ) {
    visited.push(position)
    const next: SealedPosition | null = await resealBatch(db, both, position)
    const before = await sql`select value from environment_variables order by id`
    expect(await resealBatch(db, both, position)).toEqual(next)
    expect(await sql`select value from environment_variables order by id`).toEqual(before)
    position = next
  }
  expect(new Set(visited.map(({ column }) => column)).size).toBe(Object.keys(sealedPlaces).length)
  expect(visited.length).toBe(Object.keys(sealedPlaces).length + 2)
  expect(await sealedByKey(db)).toEqual([{ keyId: 'second', values: count + 2 }])
  const opened = await variablesOf(db, newer, environmentId)
  expect(new Map(opened.map(({ key, value }) => [key, value.reveal()]))).toEqual(new Map(Object.entries(values).map(([key, value]) => [key, value.reveal()])))
  expect((await rotationOf(db, newer, sliceId))?.credentials.password?.reveal()).toBe('next')
})

test('without the key that a value was encrypted with nothing is changed', async () => {
  await db.transaction((tx) => changeVariables(tx, both, { environmentId, values: { KEY_0: new Secret('again') } }))
  const strange = createKeyring({ current: 'third', keys: { third: newKey() } })
  const before = await sql`select value from environment_variables order by id`
  const column = Object.keys(sealedPlaces).indexOf('variable')
  await expect(resealBatch(db, strange, { column, after: null })).rejects.toThrow('"second" is not in the key file')
  expect(await sql`select value from environment_variables order by id`).toEqual(before)
})
