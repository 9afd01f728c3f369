import { describe, expect, test } from 'vitest'
import { askedName, dnsStatus, expectedRecords } from '../../domain/dns.ts'

describe('the records of a domain', () => {
  test.each([
    ['A for IPv4', ['203.0.113.10'], [{ type: 'A', values: ['203.0.113.10'] }]],
    ['AAAA for IPv6', ['2001:db8::1'], [{ type: 'AAAA', values: ['2001:db8::1'] }]],
    ['one A for each of several gateways', ['203.0.113.11', '203.0.113.10', '203.0.113.10'], [{ type: 'A', values: ['203.0.113.10', '203.0.113.11'] }]],
    ['A and AAAA', ['203.0.113.10', '2001:db8::1'], [{ type: 'A', values: ['203.0.113.10'] }, { type: 'AAAA', values: ['2001:db8::1'] }]],
    ['a CNAME for a host name', ['web-1.example.net'], [{ type: 'CNAME', values: ['web-1.example.net'] }]],
    ['no CNAME beside others', ['web-1.example.net', '203.0.113.10'], [{ type: 'A', values: ['203.0.113.10'] }]],
  ])('are %s', (_, addresses, expected) => {
    expect(expectedRecords(['shop.example.com'], addresses)).toEqual(expected.map((records) => ({ name: 'shop.example.com', ...records })))
  })

  test('are those of each domain', () => {
    expect(expectedRecords(['shop.example.com', 'www.shop.example.com'], ['203.0.113.10']).map(({ name }) => name)).toEqual(['shop.example.com', 'www.shop.example.com'])
  })
})

test.each([
  [['a', 'b'], ['a', 'b'], 'right'],
  [['a', 'b'], ['b'], 'partly'],
  [['a'], [], 'missing'],
  [['a'], ['a', 'c'], 'elsewhere'],
] as const)('where %j is expected and %j is found the DNS is %s', (expected, found, status) => {
  expect(dnsStatus(expected, found)).toBe(status)
})

test('a wildcard is asked for by a name below it', () => {
  expect([askedName('*.shop.example.com'), askedName('shop.example.com')]).toEqual(['keystone-check.shop.example.com', 'shop.example.com'])
})
