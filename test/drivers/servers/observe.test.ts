import { describe, expect, it } from 'vitest'
import { observation, readObservation } from '../../../drivers/servers/observe.ts'

const container = {
  ...{ id: 'c1', name: '/web', image: 'shop@sha256:1', status: 'running', health: 'none', exitCode: 0, restarts: 0, nanoCpus: 1_500_000_000, memoryBytes: 0 },
  ...{ environmentId: '', serviceId: '01a2b3c4-0000-7000-8000-000000000001', replicaId: 'not-an-id', scheduler: 'yes', oneOff: null },
}
const measures = { diskFreeMb: 1, diskTotalMb: 2, memoryAvailableMb: 3, memoryTotalMb: 4, load: 0.5, cpus: 2, uptimeSeconds: 9, docker: '28.0.1', clock: 1000 }
const rules = { sshd: '', ufw: '', fail2ban: '', upgrades: '', timer: '' }
const told = (parts: object = {}) => {
  const all = { files: {}, containers: [container], firewall: null, rules, measures, ...parts }
  return { exitCode: 0, stderr: '', stdout: Object.entries(all).map(([part, value]) => `${JSON.stringify({ [part]: value })}\n`).join('') }
}
const moments = { asked: 900, answered: 1100 }

describe('what a server tells', () => {
  it('is read with its limits, and with those labels that are ids', () => {
    const { containers, gateway } = readObservation(told(), moments)
    expect(containers).toEqual([
      {
        ...{ id: 'c1', name: 'web', image: 'shop@sha256:1', status: 'running', health: 'none', exitCode: 0, restarts: 0, isScheduler: true },
        ...{ environmentId: null, serviceId: container.serviceId, replicaId: null, cpuLimit: 1.5, memoryLimitMb: null },
      },
    ])
    expect(gateway).toBeNull()
  })

  it('does not count what people run by hand', () => {
    expect(readObservation(told({ containers: [{ ...container, oneOff: 'True' }] }), moments).containers).toEqual([])
  })

  it('may be that Docker is silent', () => {
    expect(readObservation(told({ containers: null }), moments).containers).toBeNull()
  })

  it.each([[1000, 0], [1250, 150], [600, -300]])('shows a clock of %i as %i ms ahead', (clock, ahead) => {
    expect(readObservation(told({ measures: { ...measures, clock } }), moments).measures.clockAheadMs).toBe(ahead)
  })

  it.each(['', 'bash: jq: command not found', '{"files":{}}'])('is refused where it is no answer: %s', (stdout) => {
    expect(() => readObservation({ exitCode: 0, stderr: '', stdout }, moments)).toThrow(/./)
  })
})

it('paths are asked for one a line, never as part of the command', () => {
  const { argv, stdin } = observation({ organisationId: 'o1', paths: ['/a b/.env', '/c$(d)'], gateway: null })
  expect(stdin).toBe('/a b/.env\n/c$(d)\n')
  expect(argv.slice(0, 5)).toEqual(['env', 'ORGANISATION=o1', 'GATEWAY=', 'bash', '-c'])
  expect(argv.join(' ')).not.toContain('/c$(d)')
})
