import { describe, expect, it } from 'vitest'
import { commandLabel, commandRefusal, nothingRuns } from '../../domain/commands.ts'

describe('a command by hand', () => {
  it('may be run where something is live, and nowhere else', () => {
    expect(commandRefusal({ environment: 'production', isDeployed: true })).toBeNull()
    expect(commandRefusal({ environment: 'production', isDeployed: false })).toMatchObject({
      ...{ code: 'not_deployed', message: expect.stringContaining('production'), hint: 'Deploy it first.' },
    })
  })

  it('is called by what it is, in one short line', () => {
    expect(commandLabel(['php', 'artisan', 'about'])).toBe('php artisan about')
    expect(commandLabel('php\n  artisan\tabout ')).toBe('php artisan about')
    expect(commandLabel('\u001b[31mred')).toBe('[31mred')
    expect(commandLabel('💥'.repeat(100))).toBe(`${'💥'.repeat(60)}…`)
  })

  it('needs a container to run beside', () => {
    expect(nothingRuns('web')).toMatchObject({ code: 'service_not_running', hint: expect.stringContaining('Start web') })
  })
})
