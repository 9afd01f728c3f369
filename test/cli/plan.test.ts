import { expect, it } from 'vitest'
import type { Plan } from '../../cli/client.ts'
import { planText } from '../../cli/view/plan.ts'

const web1 = { serverId: 'server', serverName: 'web-1' }

const plan: Plan = {
  ...{ kind: 'environment_deploy', isUnchanged: false, commit: '3f2a91c0ffee' },
  image: { isNew: true, reference: null, build: { ...web1, builder: null, unresolvedBaseImages: [] }, pulledOn: [] },
  variables: { set: ['MAIL_HOST'], removed: ['OLD'] },
  services: [{ id: 'web', name: 'web', role: 'web', reason: 'new image', batch: 1, starts: [web1, { serverId: 'other', serverName: 'web-2' }], retires: 1 }],
  kept: [{ id: 'worker', name: 'worker', because: 'stopped' }],
  gateways: [{ ...web1, serviceId: 'gateway' }],
  migration: { command: 'php artisan migrate --force', timing: 'pre_switch', serverName: 'web-1' },
  commands: [{ command: 'php artisan queue:restart', timing: 'post_switch', serverName: 'web-1' }],
  scheduler: [{ serviceName: 'web', serverName: 'web-1' }],
  warnings: [{ code: 'queue_is_sync', message: 'Jobs run in requests.', hint: null, request: null }],
}

it('a plan is what would be done, in its order', () => {
  expect(planText(plan)).toBe(
    [
      'build    image of 3f2a91c on web-1',
      'migrate  php artisan migrate --force on web-1',
      'deploy   web on web-1, web-2: new image',
      'switch   traffic on web-1',
      'run      php artisan queue:restart on web-1 (post_switch)',
      'move     scheduler to web on web-1',
      'keep     worker (stopped)',
      'set      MAIL_HOST',
      'remove   OLD',
      'warning  Jobs run in requests.',
      '',
    ].join('\n'),
  )
})

it('a plan that changes nothing says so', () => {
  expect(planText({ ...plan, isUnchanged: true })).toBe('Nothing would be done.\n')
})
