import { describe, expect, it } from 'vitest'
import { findDrift } from '../../domain/drift.ts'
import type { ReplicaId, ServiceId } from '../../domain/ids.ts'
import type { Expected, ExpectedReplica, Seen, SeenContainer } from '../../domain/observations.ts'

const replica: ExpectedReplica = {
  ...{ id: 'replica' as ReplicaId, serviceId: 'service' as ServiceId, serviceName: 'web', environmentId: 'environment', environmentName: 'production' },
  ...{ containerName: 'shop-web', containerId: 'c1', image: 'shop@sha256:1', cpuLimit: 1.5, memoryLimitMb: 300, ticks: false },
  footprint: { files: { '/web/.env': 'aa' }, containers: ['shop-web', 'shop-web-worker'] },
}
const container: SeenContainer = {
  ...{ id: 'c1', name: 'shop-web', environmentId: 'environment', serviceId: 'service', replicaId: 'replica', isScheduler: false, image: 'shop@sha256:1' },
  ...{ status: 'running', health: 'healthy', exitCode: 0, restarts: 0, cpuLimit: 1.5, memoryLimitMb: 300 },
}
const worker: SeenContainer = { ...container, id: 'c2', name: 'shop-web-worker', health: 'none' }
const expected: Expected = {
  ...{ serverId: 'server', serverName: 's1', replicas: [replica], known: ['replica'], firewall: '-N KEYSTONE-PORTS' },
  gateway: { serviceId: 'gateway' as ServiceId, containerName: 'caddy', revisionHash: 'ff', routes: { h1: 'shop.example' } },
}
const caddy: SeenContainer = { ...container, id: 'c3', name: 'caddy', replicaId: 'caddy', environmentId: null }
const measures = { diskFreeMb: 1, diskTotalMb: 1, memoryAvailableMb: 1, memoryTotalMb: 1, load: 0, cpus: 1, uptimeSeconds: 1, clockAheadMs: 0, docker: '28.0.1' }
const rules = {
  sshd: 'permitrootlogin no, passwordauthentication no, kbdinteractiveauthentication no',
  ...{ ufw: 'active, deny (incoming)', fail2ban: 'watches sshd', 'unattended-upgrades': 'on' },
}
const seen: Seen = {
  ...{ containers: [container, worker, caddy], files: { '/web/.env': 'aa' }, firewall: '-N KEYSTONE-PORTS', rules, measures },
  gateway: { revision: 3, sections: ['h1'], fileHash: 'ff', runsItsFile: true },
}
const known = { ...expected, known: ['replica', 'caddy'] }
const found = (change: Partial<Seen>, as: Partial<Expected> = {}) =>
  findDrift({ ...known, ...as }, { ...seen, ...change }).map(({ code, subject, expected: meant, found: is }) => [code, subject, meant, is])
const with_ = (changed: Partial<SeenContainer>) => ({ containers: [{ ...container, ...changed }, worker, caddy] })

it('a server that is as it was made has no finding', () => {
  expect(found({})).toEqual([])
})

describe('a finding', () => {
  it.each<[string, Partial<Seen>, unknown[]]>([
    ['a container that is gone', { containers: [worker, caddy] }, ['container_missing', 'shop-web', 'running', null]],
    ['one beside it', { containers: [container, caddy] }, ['container_missing', 'shop-web-worker', 'running', null]],
    ['one that has ended', with_({ status: 'exited', exitCode: 137 }), ['container_stopped', 'shop-web', 'running', 'exited']],
    ['one that is paused', with_({ status: 'paused' }), ['container_stopped', 'shop-web', 'running', 'paused']],
    ['one that is ill', with_({ health: 'unhealthy' }), ['container_unhealthy', 'shop-web', 'healthy', 'unhealthy']],
    ['another one', with_({ id: 'c9' }), ['container_replaced', 'shop-web', 'c1', 'c9']],
    ['another image', with_({ image: 'shop@sha256:2' }), ['image_changed', 'shop-web', 'shop@sha256:1', 'shop@sha256:2']],
    ['other limits', with_({ memoryLimitMb: null }), ['limits_changed', 'shop-web', '1.5 CPUs, 300 MB', '1.5 CPUs, all memory']],
    ['a changed file', { files: { '/web/.env': 'bb' } }, ['file_changed', '/web/.env', 'aa', 'bb']],
    ['a file that is gone', { files: { '/web/.env': null } }, ['file_missing', '/web/.env', 'aa', null]],
    ['a container of nobody', { containers: [...seen.containers!, { ...container, name: 'stray', replicaId: null }] }, ['container_unknown', 'stray', null, 'running, c1']],
    ['a gateway that runs something else', { gateway: { ...seen.gateway!, runsItsFile: false } }, ['gateway_changed', 'caddy', 'revision 3', null]],
    ['a gateway with another file', { gateway: { ...seen.gateway!, fileHash: '00' } }, ['gateway_changed', 'caddy', 'revision 3', null]],
    ['a gateway that says nothing', { gateway: null }, ['gateway_silent', 'caddy', null, null]],
    ['a route that is not live', { gateway: { ...seen.gateway!, sections: [] } }, ['route_not_live', 'shop.example', 'h1', null]],
    ['other firewall rules', { firewall: '-N KEYSTONE-PORTS\n-A' }, ['firewall_changed', 'KEYSTONE-PORTS', '-N KEYSTONE-PORTS', '-N KEYSTONE-PORTS\n-A']],
    ['passwords at sshd', { rules: { ...rules, sshd: 'permitrootlogin no, passwordauthentication yes' } }, ['rule_changed', 'sshd', rules.sshd, 'permitrootlogin no, passwordauthentication yes']],
    ['settings that sshd refuses', { rules: { ...rules, sshd: null } }, ['rule_changed', 'sshd', rules.sshd, null]],
    ['a server that is open', { rules: { ...rules, ufw: 'inactive' } }, ['rule_changed', 'ufw', 'active, deny (incoming)', 'inactive']],
    ['no firewall rules', { firewall: null }, ['firewall_changed', 'KEYSTONE-PORTS', '-N KEYSTONE-PORTS', null]],
  ])('is %s', (_, change, finding) => {
    expect(found(change)).toEqual([finding])
  })

  it('is Docker itself where it is silent, and not all that it does not tell', () => {
    expect(found({ containers: null, gateway: null })).toEqual([['docker_silent', 'docker', null, null]])
  })

  it('is a scheduler that is in charge and does not run', () => {
    const ticking = { replicas: [{ ...replica, ticks: true }] }
    const scheduler = { ...container, id: 'c4', name: 'shop-web-scheduler', isScheduler: true }
    expect(found({}, ticking)).toEqual([['container_missing', 'shop-web-scheduler', 'running', null]])
    expect(found({ containers: [...seen.containers!, scheduler] }, ticking)).toEqual([])
    expect(found({ containers: [...seen.containers!, { ...scheduler, status: 'exited' }] })).toEqual([])
  })

  it('is none where a gateway has not begun with a revision yet, or nothing is known of rules', () => {
    expect(found({ gateway: { revision: 0, sections: ['h1'], fileHash: '00', runsItsFile: true } })).toEqual([])
    expect(found({ firewall: null }, { firewall: null })).toEqual([])
  })

  it('tells people where it is, and what they can do', () => {
    const [finding] = findDrift(known, { ...seen, ...with_({ status: 'restarting', exitCode: 1, restarts: 4 }) })
    expect(finding).toMatchObject({
      ...{ replicaId: 'replica', serviceId: 'service', environmentId: 'environment' },
      message: 'The container shop-web on s1 is restarting: it ended with exit code 1, and Docker has restarted it 4 times.',
      hint: 'Deploy production again: web is started anew.',
    })
  })
})
