import { describe, expect, it } from 'vitest'
import { parseAdvertisement } from '../../../drivers/sources/refs.ts'

const packet = (text: string) => `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, '0')}${text}`
const [one, two] = ['1'.repeat(40), '2'.repeat(40)]

const advertisement = Buffer.from(
  [
    packet(`${one} HEAD\0multi_ack symref=HEAD:refs/heads/main object-format=sha1 agent=git/2\n`),
    packet(`${two} refs/heads/feature/ümlaut\n`),
    packet(`${one} refs/heads/main\n`),
    packet(`${two} refs/tags/v1\n`),
    packet(`${one} refs/tags/v1^{}\n`),
    '0000',
  ].join(''),
)

describe('parseAdvertisement', () => {
  it('reads branches and the default one', () => {
    expect(parseAdvertisement(advertisement)).toEqual({
      defaultBranch: 'main',
      branches: new Map([['feature/ümlaut', two], ['main', one]]),
    })
  })

  it('waits for the rest wherever it is cut', () => {
    for (let length = 0; length < advertisement.length; length += 1) expect(parseAdvertisement(advertisement.subarray(0, length))).toBeNull()
  })

  it('reads an empty repository', () => {
    const empty = packet(`${'0'.repeat(40)} capabilities^{}\0multi_ack\n`) + '0000'
    expect(parseAdvertisement(Buffer.from(empty))).toEqual({ defaultBranch: null, branches: new Map() })
  })

  it('refuses what is no advertisement', () => {
    expect(() => parseAdvertisement(Buffer.from('Welcome to Gitea'))).toThrow(RangeError)
    expect(() => parseAdvertisement(Buffer.from('0001'))).toThrow(RangeError)
  })
})
