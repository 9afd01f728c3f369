import { randomBytes } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { beginDeployKeyRotation, deployKeyOf, insertApplication, nextDeployKeyOf, storeWebhookSecret } from '../../db/applications.ts'
import { engineService, engineSlice } from '../../db/engine-services.ts'
import { buildSecrets, setBuildSecret } from '../../db/build-secrets.ts'
import { insertInvitation } from '../../db/invitations.ts'
import { insertPurchase, orderOf } from '../../db/machines.ts'
import { insertProvider, providerAccess } from '../../db/providers.ts'
import { insertRegistry, registryLogin } from '../../db/registries.ts'
import { insertRelease, releasedVariables } from '../../db/releases.ts'
import { serverAccess } from '../../db/server-access.ts'
import { beginServerKeyRotation, serverKeyRotationOf } from '../../db/server-keys.ts'
import { insertServer } from '../../db/servers.ts'
import { insertService } from '../../db/services.ts'
import { insertSlice } from '../../db/slices.ts'
import { newToken } from '../../db/tokens.ts'
import { beginRotation, rotationOf } from '../../db/rotations.ts'
import { insertSystemVariables, variablesOf } from '../../db/variables.ts'
import { ensureOwner } from '../../db/owner.ts'
import { insertUser } from '../../db/users.ts'
import type { ServerId } from '../../domain/ids.ts'
import { createWebhookIntake } from '../../db/webhook-intake.ts'
import { sealedPlaces } from '../../domain/sealed-places.ts'
import { Secret } from '../../domain/secret.ts'
import { createKeyring } from '../../drivers/secrets/keyring.ts'
import { hashPassword } from '../../drivers/secrets/passwords.ts'
import { createTestDatabase } from '../database.ts'
import { environment, operation, organisation, setVariable } from './rows.ts'

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const newKey = () => randomBytes(32).toString('base64')
const first = { first: newKey() }
const keyring = createKeyring({ current: 'first', keys: first })

/** Every secret that this file stores, to look for in all that the database holds. */
const stored: string[] = []
function secret(name: string): Secret {
  const text = `${name}-${randomBytes(12).toString('hex')}`
  stored.push(text)
  return new Secret(text)
}

const organisationId = await organisation(db)
const environmentId = await environment(db, organisationId)
const server = await insertServer(db, keyring, {
  ...{ organisationId, name: 'web-1', address: 'web-1.example', sshPort: 22, privateAddress: null, privateNetwork: null, hostKey: 'ssh-ed25519 AAAA' },
  managementKey: { publicKey: 'ssh-ed25519 BBBB', privateKey: secret('management') },
  firstLogin: { user: 'root', credential: { privateKey: secret('root') } },
})
const withPassword = await insertServer(db, keyring, {
  ...{ organisationId, name: 'web-0', address: 'web-0.example', sshPort: 22, privateAddress: null, privateNetwork: null, hostKey: 'ssh-ed25519 AAAA' },
  managementKey: { publicKey: 'ssh-ed25519 BBBB', privateKey: secret('other management') },
  firstLogin: { user: 'debian', credential: { password: secret('first password') } },
})
const provider = await insertProvider(db, keyring, { organisationId, name: 'hetzner', type: 'hetzner', token: secret('provider') })
const pair = (name: string) => ({ publicKey: 'ssh-ed25519 DDDD', privateKey: secret(name) })
const boughtId = await insertPurchase(db, keyring, {
  ...{ organisationId, providerId: provider.id, name: 'bought-1', location: 'fsn1', type: 'cx22', image: 'debian-13', network: null },
  ...{ managementKey: pair('bought management'), loginKey: pair('bought login'), givenHostKey: pair('given host key') },
})
const application = await insertApplication(db, keyring, {
  ...{ organisationId, name: 'shop', repositoryUrl: 'git@git.example:shop.git', repositoryType: 'generic', projectRoot: '.', defaultBranch: 'main' },
  deployKey: { publicKey: 'ssh-ed25519 CCCC', privateKey: secret('deploy'), fingerprint: 'SHA256:-' },
})
const followingKey = { publicKey: 'ssh-ed25519 DDDD', privateKey: secret('following'), fingerprint: 'SHA256:+' }
await beginDeployKeyRotation(db, keyring, application.id, followingKey)
for (const name of ['webhook', 'next-webhook']) await storeWebhookSecret(db, keyring, application.id, secret(name))
const registry = await insertRegistry(db, keyring, {
  ...{ organisationId, name: 'main', type: 'generic', url: 'https://registry.example', namespace: null, insecure: 'no', use: 'push' },
  login: { username: 'ci', password: secret('registry') },
})
const service = await insertService(db, keyring, {
  ...{ organisationId, name: 'data', category: 'database', type: 'postgres', versionTrack: '18', driverName: 'postgres', deployPolicy: 'manual' },
  processRoles: ['server'],
  serverIds: [server.id],
  admin: { password: secret('admin') },
})
const slice = await insertSlice(db, keyring, {
  ...{ serviceId: service.id, name: 'shop', type: 'database', config: {} },
  credentials: { password: secret('slice'), standby: secret('standby') },
})
await insertSystemVariables(db, keyring, { environmentId, values: { APP_KEY: secret('system') } })
await setVariable(db, keyring, { environmentId, key: 'STRIPE_KEY', value: secret('user') })
await setBuildSecret(db, keyring, { environmentId, key: 'NPM_TOKEN', value: secret('build') })
const { id: operationId, trigger } = await operation(db, { organisationId, targetId: environmentId })
const variables = { values: { STRIPE_KEY: secret('pinned') }, versions: { STRIPE_KEY: 1 } }
await insertRelease(db, keyring, { environmentId, operationId, commitSha: 'a'.repeat(40), trigger, variables })
await beginRotation(db, keyring, { sliceId: slice.id, operationId, next: { password: secret('next') } })
await beginServerKeyRotation(db, keyring, { id: server.id, operationId, next: pair('next management') })
const token = (await ensureOwner(db))!.reveal()
const password = 'correct horse battery staple'
const { email } = await insertUser(db, { email: 'ada@example.com', name: 'Ada', passwordHash: await hashPassword(new Secret(password)) })
const invitation = (await insertInvitation(db, { organisationId, email, role: 'viewer', invitedBy: null, lifetimeSeconds: 60 })).text.reveal()

/** All that is in the database, row by row. */
async function dump(): Promise<string> {
  const tables = await sql`select table_name as name from information_schema.tables where table_schema = 'public'`
  const rows = await Promise.all(tables.map(({ name }) => sql`select row_to_json(t)::text as row from ${sql(name)} t`))
  return rows.flat().map(({ row }) => row).join('\n')
}

const forms = (text: string) => [text, Buffer.from(text).toString('base64').replace(/=+$/, ''), Buffer.from(text).toString('hex'), encodeURIComponent(text)]

describe('secrets in the database', () => {
  test('are never there as plain text, nor in a form that only looks otherwise', async () => {
    const everything = await dump()
    expect(everything).toContain('git@git.example:shop.git')
    const found = [...stored, token, password, invitation].flatMap(forms).filter((form) => everything.includes(form))
    expect(found).toEqual([])
  })

  test('would be found by the test above, had one been stored in plain text', async () => {
    const planted = secret('planted').reveal()
    const [row] = await sql`insert into users (email, name) values ('planted@example.org', ${planted}) returning id`
    expect(await dump()).toContain(planted)
    await sql`delete from users where id = ${row!.id}`
    stored.pop()
  })

  test('are in every column that is named for them', async () => {
    const sealedColumns = Object.values(sealedPlaces).map((place) => place(''))
    const rows = await Promise.all(sealedColumns.map(({ table, column }) => sql`select ${sql(column)} as value from ${sql(table)} where ${sql(column)} like 'k1.%'`))
    expect(sealedColumns.filter((_, index) => rows[index]!.length === 0)).toEqual([])
  })

  test('come back as they were', async () => {
    const login = async (id: ServerId, name: 'management' | 'adoption') => {
      const access = await serverAccess(db, keyring, id, name)
      return 'privateKey' in access ? access.privateKey : access.password
    }
    const order = (await orderOf(db, keyring, boughtId))!
    const [bought] = await sql`select management_key_private as key from servers where id = ${boughtId}`
    const ofEnvironment = await variablesOf(db, keyring, environmentId)
    const { password, standby } = (await engineSlice(db, keyring, slice.id)).credentials
    const receiver = await createWebhookIntake(db, keyring).receiver(application.id)
    const revealed = [
      await login(server.id, 'management'),
      await login(server.id, 'adoption'),
      await login(withPassword.id, 'management'),
      await login(withPassword.id, 'adoption'),
      keyring.open(String(bought!.key), sealedPlaces.managementKey(boughtId)),
      order.loginKey,
      order.givenHostKey,
      (await providerAccess(db, keyring, provider.id)).access.token,
      await deployKeyOf(db, keyring, application.id),
      (await nextDeployKeyOf(db, keyring, application.id))!.privateKey,
      receiver!.secret,
      receiver!.nextSecret!,
      (await registryLogin(db, keyring, registry.id))!.password,
      (await engineService(db, keyring, service.id)).adminCredentials.password!,
      password!,
      standby!,
      ...ofEnvironment.map(({ value }) => value),
      (await buildSecrets(db, keyring, environmentId)).values.NPM_TOKEN!,
      (await releasedVariables(db, keyring, operationId))!.STRIPE_KEY!,
      (await rotationOf(db, keyring, slice.id))!.credentials.password!,
      (await serverKeyRotationOf(db, keyring, server.id))!.privateKey,
    ].map((found) => found.reveal())
    expect(revealed.toSorted()).toEqual(stored.toSorted())
  })

  test('differ although the values are the same', async () => {
    const other = await environment(db, organisationId)
    for (const id of [environmentId, other]) await setVariable(db, keyring, { environmentId: id, key: 'SAME', value: new Secret('the same value') })
    const rows = await sql`select distinct value from environment_variables where key = 'SAME'`
    expect(rows).toHaveLength(2)
  })
})

describe('a secret does not open', () => {
  const deployKey = (ring: ReturnType<typeof createKeyring>) => deployKeyOf(db, ring, application.id)

  test('with another key of the same name', async () => {
    await expect(deployKey(createKeyring({ current: 'first', keys: { first: newKey() } }))).rejects.toThrow()
  })

  test('with a ring that does not have its key, and the error names the key', async () => {
    await expect(deployKey(createKeyring({ current: 'second', keys: { second: newKey() } }))).rejects.toThrow('"first" is not in the key file')
  })

  test('in another row or another column than its own', async () => {
    const other = await insertServer(db, keyring, {
      ...{ organisationId, name: 'web-2', address: 'web-2.example', sshPort: 22, privateAddress: null, privateNetwork: null, hostKey: 'ssh-ed25519 AAAA' },
      managementKey: { publicKey: 'ssh-ed25519 BBBB', privateKey: new Secret('another management key') },
      firstLogin: { user: 'root', credential: { privateKey: new Secret('another root key') } },
    })
    await sql`update servers set adoption_key_private = management_key_private where id = ${other.id}`
    await expect(serverAccess(db, keyring, other.id, 'adoption')).rejects.toThrow()
    await sql`update servers set management_key_private = (select management_key_private from servers where id = ${server.id}) where id = ${other.id}`
    await expect(serverAccess(db, keyring, other.id, 'management')).rejects.toThrow()
  })

  test('when a bit of it was changed', async () => {
    const [row] = await sql`select deploy_key_private as sealed from applications where id = ${application.id}`
    const sealed: string = row!.sealed
    const last = sealed.lastIndexOf('.') + 5
    const changed = sealed.slice(0, last) + (sealed[last] === 'A' ? 'B' : 'A') + sealed.slice(last + 1)
    await sql`update applications set deploy_key_private = ${changed} where id = ${application.id}`
    await expect(deployKey(keyring)).rejects.toThrow()
    await sql`update applications set deploy_key_private = 'plain text' where id = ${application.id}`
    await expect(deployKey(keyring)).rejects.toThrow('applications.deploy_key_private')
    await sql`update applications set deploy_key_private = ${sealed} where id = ${application.id}`
  })

  test('and it opens with a newer ring that still has its key, which seals with the new one', async () => {
    const newer = createKeyring({ current: 'second', keys: { ...first, second: newKey() } })
    expect((await deployKey(newer)).reveal()).toBe((await deployKey(keyring)).reveal())
    await setVariable(db, newer, { environmentId, key: 'NEWER', value: new Secret('sealed by the second') })
    const [row] = await sql`select value from environment_variables where key = 'NEWER'`
    expect(row!.value).toMatch(/^k1\.second\./)
    await expect(variablesOf(db, keyring, environmentId)).rejects.toThrow('"second" is not in the key file')
  })
})

test('a bearer token is kept as its hash and a few characters to know it by', async () => {
  const { text, prefix, hash } = newToken()
  expect(text.reveal()).toMatch(/^ks_[0-9A-Za-z]{46}$/)
  expect(text.reveal().startsWith(prefix)).toBe(true)
  expect(hash).toMatch(/^[0-9a-f]{64}$/)
  expect(prefix.length).toBeLessThan(15)
})

test('the version of a variable counts its values', async () => {
  const versions = []
  const id = await environment(db, organisationId)
  for (const value of ['one', 'two', 'three']) {
    const stored = await setVariable(db, keyring, { environmentId: id, key: 'COUNTED', value: new Secret(value) })
    versions.push([stored.version, stored.value.reveal()])
  }
  expect(versions).toEqual([[1, 'one'], [2, 'two'], [3, 'three']])
})
