import { expect, test } from 'vitest'
import { awayDuringReboot } from '../../domain/reboots.ts'

test('what nobody reaches while a server restarts is named, each once; nothing where others serve all of it', () => {
  const web = 'web of production of shop'
  expect(awayDuringReboot('s1', { domains: ['shop.example.com'], services: ['database'], processes: [web, web] })).toBe(
    'nobody reaches shop.example.com, database, web of production of shop while s1 restarts',
  )
  expect(awayDuringReboot('s1', { domains: [], services: [], processes: [] })).toBeNull()
})
