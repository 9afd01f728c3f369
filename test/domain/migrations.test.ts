import { describe, expect, it } from 'vitest'
import { migrationRefusal } from '../../domain/migrations.ts'

describe('a migration by hand', () => {
  const refusal = (target: Partial<Parameters<typeof migrationRefusal>[0]>) =>
    migrationRefusal({ environment: 'production', isDeployed: true, mode: 'manual', ...target })

  it('may be run where something is live and it is not disabled, also where deployments migrate by themselves', () => {
    expect([refusal({}), refusal({ mode: 'auto' })]).toEqual([null, null])
  })

  it.each([
    ['nothing_migrates', { mode: null }, 'Add a web service'],
    ['migrations_disabled', { mode: 'disabled', isDeployed: false }, 'Set the mode to manual'],
    ['not_deployed', { isDeployed: false }, 'Deploy it first'],
  ] as const)('is refused as %s, with what to do instead', (code, target, hint) => {
    expect(refusal(target)).toEqual({ code, message: expect.stringContaining('production'), hint: expect.stringContaining(hint) })
  })
})
