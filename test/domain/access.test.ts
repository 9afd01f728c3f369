import { describe, expect, test } from 'vitest'
import { givingRefusal, isAtLeast, memberRefusal, mightiestOf, narrowed, type Role, roles } from '../../domain/access.ts'

describe('roles', () => {
  test('may do what those behind them may, and never what those before them may', () => {
    for (const [index, role] of roles.entries()) {
      expect(roles.map((needed) => isAtLeast(role, needed))).toEqual(roles.map((_, at) => at >= index))
    }
  })

  test.each<[Role, Role[] | null, Role]>([
    ['owner', null, 'owner'],
    ['owner', ['deployer'], 'deployer'],
    ['owner', ['viewer', 'admin'], 'admin'],
    ['viewer', ['owner'], 'viewer'],
    ['admin', [], 'viewer'],
  ])('%s with the scopes %j act as %s', (role, scopes, expected) => expect(narrowed(role, scopes)).toBe(expected))

  test('of a list: the mightiest, and viewer where there is none', () => {
    expect([mightiestOf(['viewer', 'owner', 'admin']), mightiestOf([])]).toEqual(['owner', 'viewer'])
  })
})

describe('nobody', () => {
  const change = (own: Role, of: Role, to: Role | null, owners = 2) => memberRefusal({ own, member: { email: 'ada@example.com', role: of }, to, owners })?.code ?? null

  test('gives more than he has', () => {
    for (const own of roles) for (const given of roles) expect(givingRefusal(own, given) === null, `${own} gives ${given}`).toBe(isAtLeast(own, given))
  })

  test('raises anybody above himself, nor changes or removes who is above him', () => {
    for (const own of roles) {
      for (const of of roles) {
        for (const to of [...roles, null]) {
          const isAllowed = isAtLeast(own, of) && (to === null || isAtLeast(own, to))
          expect(change(own, of, to), `${own} makes ${of} ${to}`).toBe(isAllowed ? null : 'role_exceeded')
        }
      }
    }
  })

  test('takes the last owner, who may stay what he is', () => {
    expect([change('owner', 'owner', null, 1), change('owner', 'owner', 'admin', 1), change('owner', 'owner', 'owner', 1)]).toEqual(['last_owner', 'last_owner', null])
    expect(change('admin', 'owner', null, 1)).toBe('role_exceeded')
  })
})
