import { describe, expect, it } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { dockerConfig, imageHost, imageName } from '../../../drivers/registries/images.ts'

describe('images of a registry', () => {
  it.each([
    ['https://registry.example.com', 'registry.example.com'],
    ['http://10.0.0.4:5000', '10.0.0.4:5000'],
    ['https://registry-1.docker.io', 'docker.io'],
  ])('of %s are named after %s', (url, host) => {
    expect(imageHost(url)).toBe(host)
    expect(imageName({ url, namespace: 'team' }, 'shop-production')).toBe(`${host}/team/shop-production`)
    expect(imageName({ url, namespace: null }, 'shop')).toBe(`${host}/shop`)
  })

  it('are opened by a login for this registry alone, in the form of the Docker client', () => {
    const credentials = { username: 'ci', password: new Secret('pass:word') }
    const auth = Buffer.from('ci:pass:word').toString('base64')
    const config = (url: string, login: typeof credentials | null) => JSON.parse(dockerConfig({ url, credentials: login }).reveal())
    expect(config('https://r.lab:5000', credentials)).toEqual({ auths: { 'r.lab:5000': { auth } } })
    expect(config('https://registry-1.docker.io', credentials)).toEqual({ auths: { 'https://index.docker.io/v1/': { auth } } })
    expect(config('https://r.lab', null)).toEqual({ auths: {} })
  })
})
