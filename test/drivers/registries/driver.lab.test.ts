import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { createRegistryDriver, type RegistryDriver } from '../../../drivers/registries/driver.ts'
import { parseReference } from '../../../drivers/registries/reference.ts'
import { authorityCertificate } from '../../lab/authority.ts'
import { imageTag } from '../../lab/images.ts'
import { ensureDocker, prepareImages } from '../../lab/index.ts'
import { type Login, openBasicRegistry, openTokenRegistry, reader, type RealRegistry, writer } from './real-registry.ts'

let driver: RegistryDriver
const registries = {} as Record<'basic' | 'token', RealRegistry>

beforeAll(async () => {
  const log = (line: string) => console.log(line)
  await ensureDocker({ log })
  await prepareImages({ only: ['registry'], log })
  driver = createRegistryDriver({ authorities: [await authorityCertificate()] })
  registries.basic = await openBasicRegistry()
  registries.token = await openTokenRegistry()
}, 300_000)
afterAll(() => Promise.all(Object.values(registries).map((registry) => registry.close())))

const accessOf = (kind: 'basic' | 'token', login: Login | null) => ({
  url: registries[kind].url,
  credentials: login && { username: login.username, password: new Secret(login.password) },
})

describe.each(['basic', 'token'] as const)('a registry with %s authentication', (kind) => {
  it('takes credentials that may push, and is left as it was', async () => {
    await driver.verify(accessOf(kind, writer), null)
    await driver.verify(accessOf(kind, writer), { namespace: 'team' })
    await expect(driver.resolve(accessOf(kind, writer), parseReference(`${registries[kind].host}/team/keystone-access-check`))).rejects.toMatchObject({ code: 'image_not_found' })
  })

  it.each<[string, Login | null]>([
    ['a wrong password', { ...writer, password: 'wrong' }],
    ['an unknown user', { username: 'nobody', password: writer.password }],
    ['nobody', null],
  ])('refuses %s', async (_, login) => {
    const refusal = { code: 'authentication_failed', field: 'password', retryable: false }
    await expect(driver.verify(accessOf(kind, login), null)).rejects.toMatchObject(refusal)
    await expect(driver.resolve(accessOf(kind, login), parseReference(`${registries[kind].host}/team/shop:1.4`))).rejects.toMatchObject(refusal)
  })

  it('tells the digest that the Docker client was told, by tag and by itself', async () => {
    const { host, push } = registries[kind]
    const digest = await push(imageTag('registry'), 'team/shop:1.4', writer)
    expect(digest).toMatch(/^sha256:/)
    expect(await driver.resolve(accessOf(kind, writer), parseReference(`${host}/team/shop:1.4`))).toBe(digest)
    expect(await driver.resolve(accessOf(kind, writer), parseReference(`${host}/team/shop@${digest}`))).toBe(digest)
    for (const missing of ['team/shop:1.5', `team/shop@sha256:${'0'.repeat(64)}`, 'team/other:1.4']) {
      await expect(driver.resolve(accessOf(kind, writer), parseReference(`${host}/${missing}`))).rejects.toMatchObject({ code: 'image_not_found', message: expect.stringContaining(missing) })
    }
  }, 120_000)

  it('describes an image without pulling it', async () => {
    const { host } = registries[kind]
    const image = parseReference(`${host}/team/shop:1.4`)
    const digest = await driver.resolve(accessOf(kind, writer), image)
    expect(await driver.inspect(accessOf(kind, writer), image)).toEqual({ digest, platforms: ['linux/amd64'], revision: null })
    await expect(driver.inspect(accessOf(kind, writer), parseReference(`${host}/team/shop:1.5`))).rejects.toMatchObject({ code: 'image_not_found' })
  })
})

describe.each(['basic', 'token'] as const)('an image for several platforms in a registry with %s authentication', (kind) => {
  it('is put together of what was pushed for each, and the same parts are the same image', async () => {
    const { host } = registries[kind]
    const access = accessOf(kind, writer)
    const digest = await driver.resolve(access, parseReference(`${host}/team/shop:1.4`))
    const whole = parseReference(`${host}/team/shop:both`)
    const parts = ['linux/amd64', 'linux/arm64'].map((platform) => ({ platform, digest }))
    const stored = await driver.storeIndex(access, whole, parts)
    expect(await driver.inspect(access, whole)).toEqual({ digest: stored, platforms: ['linux/amd64', 'linux/arm64'], revision: null })
    expect(await driver.storeIndex(access, whole, parts)).toBe(stored)
    expect(await driver.storeIndex(access, whole, parts.slice(1))).not.toBe(stored)
    const nested = await driver.storeIndex(access, whole, [{ platform: 'linux/arm64', digest: stored }])
    expect(nested).toBe(await driver.storeIndex(access, whole, parts.slice(1)))
    await expect(driver.storeIndex(access, whole, [{ platform: 'linux/riscv64', digest: stored }])).rejects.toMatchObject({ code: 'image_not_found', message: expect.stringContaining('linux/riscv64') })
    await expect(driver.storeIndex(access, whole, [{ platform: 'linux/amd64', digest: `sha256:${'0'.repeat(64)}` }])).rejects.toMatchObject({ code: 'image_not_found' })
  })
})

describe('rights', () => {
  it('to read do not make an image of several', async () => {
    const { host } = registries.token
    const digest = await driver.resolve(accessOf('token', reader), parseReference(`${host}/team/shop:1.4`))
    const mine = driver.storeIndex(accessOf('token', reader), parseReference(`${host}/team/shop:mine`), [{ platform: 'linux/amd64', digest }])
    await expect(mine).rejects.toMatchObject({ code: 'access_denied' })
    await expect(driver.resolve(accessOf('token', reader), parseReference(`${host}/team/shop:mine`))).rejects.toMatchObject({ code: 'image_not_found' })
  })

  it('to read are not rights to push', async () => {
    await driver.verify(accessOf('token', reader), null)
    await expect(driver.verify(accessOf('token', reader), { namespace: 'team' })).rejects.toMatchObject({ code: 'access_denied', field: 'namespace', message: expect.stringContaining('team') })
    expect(await driver.resolve(accessOf('token', reader), parseReference(`${registries.token.host}/team/shop:1.4`))).toMatch(/^sha256:/)
  })

  it('to push end with their namespace', async () => {
    for (const namespace of ['others', null]) await expect(driver.verify(accessOf('token', writer), { namespace })).rejects.toMatchObject({ code: 'access_denied' })
    await expect(driver.resolve(accessOf('token', writer), parseReference(`${registries.token.host}/others/shop`))).rejects.toMatchObject({ code: 'access_denied', message: expect.stringContaining('others/shop') })
  })
})

describe('TLS', () => {
  it('is asked of every registry that is not marked as insecure', async () => {
    const wrong = { ...accessOf('token', writer), url: registries.token.url.replace('http:', 'https:') }
    await expect(driver.verify(wrong, null)).rejects.toMatchObject({ code: 'tls_refused', field: 'url' })
    const plain = { ...accessOf('basic', writer), url: registries.basic.url.replace('https:', 'http:') }
    await expect(driver.verify(plain, null)).rejects.toMatchObject({ code: 'protocol_error' })
  })

  it('needs a certificate that Keystone trusts', async () => {
    await expect(createRegistryDriver().verify(accessOf('basic', writer), null)).rejects.toMatchObject({ code: 'tls_refused', message: expect.stringContaining('NODE_EXTRA_CA_CERTS') })
  })
})
