import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { Secret } from '../../../domain/secret.ts'
import type { BuildSource } from '../../../drivers/services/contract-application.ts'
import type { ReplicaInput } from '../../../drivers/services/contract-step.ts'
import { laravel } from '../../../drivers/services/laravel/driver.ts'
import { renderDockerfile } from '../../../drivers/services/laravel/dockerfile.ts'
import { buildSchema } from '../../../drivers/services/laravel/config.ts'
import { replica } from './replicas.ts'

const web = replica({
  ownership: { ...replica().ownership, environmentId: 'env' },
  containerName: 'shop-web-rep',
  role: 'web',
  image: 'sha256:abc',
  imageIsLocal: true,
  networks: ['keystone_service_pg'],
})

const scripts = ['scripts/keystone-health', 'scripts/keystone-scheduler', 'scripts/keystone-workers', 'scripts/90-keystone-warm.sh']

/** Keystone's own scripts, in whatever image. */
const mountedScripts = [
  './scripts/keystone-health:/usr/local/bin/keystone-health:ro',
  './scripts/keystone-scheduler:/usr/local/bin/keystone-scheduler:ro',
  './scripts/keystone-workers:/usr/local/bin/keystone-workers:ro',
  './scripts/90-keystone-warm.sh:/etc/entrypoint.d/90-keystone-warm.sh:ro',
]

const composed = (input: ReplicaInput, config: unknown = {}) =>
  parse(String(laravel.configured(config).startReplica(input).files[0]?.content)).services

describe('the Dockerfile', () => {
  it('is Keystone\'s own', async () => {
    await expect(renderDockerfile(buildSchema.parse({}), { cacheId: 'app', hasInputs: false })).toMatchFileSnapshot('Dockerfile.expected')
  })

  it('has a stage for assets, extensions and the document root where they are asked for', () => {
    const text = renderDockerfile(buildSchema.parse({ assetBuild: 'bun', phpExtensions: ['intl', 'gd'], documentRoot: 'web/public' }), { cacheId: 'app', hasInputs: true })
    expect(text).toContain('RUN install-php-extensions intl gd\n')
    expect(text).toContain('CADDY_SERVER_ROOT=/var/www/html/web/public\n')
    expect(text).toContain('FROM --platform=$BUILDPLATFORM ${ASSETS_IMAGE} AS assets\n')
    expect(text).toContain("target=/tmp/assets-cache <<'KEYSTONE'\n")
    expect(text).toContain('bun run build\nKEYSTONE\n')
    expect(text).toContain('COPY --chown=www-data:www-data --from=assets /app/web/public ./web/public\n')
    expect(text).toContain('ln -s ../../storage/app/public web/public/storage\n')
  })

  it('mounts what the build is given for its commands alone, and makes no use of layers that were given something else', () => {
    const text = renderDockerfile(buildSchema.parse({ assetBuild: 'node' }), { cacheId: 'app', hasInputs: true })
    const runs = text.split('\n').filter((line) => line.startsWith('RUN --mount'))
    expect(runs).toHaveLength(3)
    for (const run of runs) expect(run).toMatch(/^RUN --mount=type=secret,id=keystone-build,required=true,mode=0444 /)
    expect(text.match(/^ARG KEYSTONE_BUILD_INPUTS$/gm)).toHaveLength(2)
    expect(text.match(/\. \/run\/secrets\/keystone-build; /g)).toHaveLength(3)
  })

  it.each([{ documentRoot: '../etc' }, { documentRoot: '/etc' }, { documentRoot: '.' }, { variables: { 'A B': '' } }, { persistentPaths: ['a; rm'] }, { composerFlags: ['-d /'] }, { phpVersion: 'latest' }])(
    'takes no %j',
    (config) => expect(() => buildSchema.parse(config)).toThrow(),
  )
})

describe('a build', () => {
  const source = { commitSha: 'c'.repeat(40), projectRoot: '.', baseDigests: { php: 'p@sha256:1', composer: 'c@sha256:2' }, platforms: ['linux/amd64'], storedAs: null, secretVersions: {} } satisfies BuildSource
  const build = laravel.build!.configured({})

  it('starts from the PHP and Composer images', () => {
    expect(build.baseImages).toEqual([
      { name: 'php', reference: 'serversideup/php:8.4-frankenphp' },
      { name: 'composer', reference: 'composer:2' },
    ])
    expect(laravel.build!.configured({ assetBuild: 'node' }).baseImages).toContainEqual({ name: 'assets', reference: 'node:22' })
  })

  it('has a key that changes with everything that goes into the image', () => {
    const keys = [
      build.key(source),
      build.key({ ...source, commitSha: 'd'.repeat(40) }),
      build.key({ ...source, projectRoot: 'app' }),
      build.key({ ...source, platforms: ['linux/arm64'] }),
      build.key({ ...source, platforms: ['linux/amd64', 'linux/arm64'] }),
      build.key({ ...source, storedAs: 'registry.lab/team/visits-production' }),
      build.key({ ...source, baseDigests: { ...source.baseDigests, php: 'p@sha256:3' } }),
      laravel.build!.configured({ documentRoot: 'web' }).key(source),
      laravel.build!.configured({ variables: { VITE_NAME: 'one' } }).key(source),
      laravel.build!.configured({ variables: { VITE_NAME: 'two' } }).key(source),
      build.key({ ...source, secretVersions: { TOKEN: 'id/1' } }),
      build.key({ ...source, secretVersions: { TOKEN: 'id/2' } }),
    ]
    expect(new Set(keys).size).toBe(keys.length)
    expect(build.key({ ...source, baseDigests: { composer: 'c@sha256:2', php: 'p@sha256:1' } })).toBe(keys[0])
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/)
  })

  const input = {
    ...source,
    organisationId: 'org',
    applicationId: 'app',
    environmentId: 'env',
    repositoryUrl: 'ssh://git@git.lab/visits.git',
    deployKey: new Secret('deploy key text'),
    knownHosts: 'git.lab ssh-ed25519 AAAA',
    dockerConfig: null,
    secrets: {},
  }
  const step = build.run(input)
  const reported = (report: { imageId?: string; architecture?: string; digests?: readonly string[]; reused?: boolean }) =>
    JSON.stringify({ imageId: 'sha256:1', sizeBytes: 10, os: 'linux', architecture: 'amd64', reused: false, digests: [], ...report })

  it('gets the deploy key as a secret and everything else as inputs', () => {
    expect(Object.keys(step.secrets)).toEqual(['deploy-key'])
    expect(JSON.stringify(step.inputs)).not.toContain('deploy key text')
    expect(step.inputs).toMatchObject({
      IMAGES: `linux/amd64 keystone/env:${build.key(source).slice(0, 12)}`,
      BUILD_ARGS: `PHP_IMAGE=p@sha256:1\nCOMPOSER_IMAGE=c@sha256:2\nKEYSTONE_COMMIT=${source.commitSha}`,
    })
  })

  it('gets its variables and secrets as one script that no argument or input tells anything of', async () => {
    const given = { APP_NAME: `it's "$HOME" \\ #1\n😀`, TOKEN: 'a variable' }
    const withInputs = laravel.build!.configured({ variables: given })
    const step = withInputs.run({ ...input, secretVersions: { TOKEN: 'id/1' }, secrets: { TOKEN: new Secret('a secret; rm -rf') } })
    expect(Object.keys(step.secrets)).toEqual(['deploy-key', 'build-inputs'])
    expect(JSON.stringify([step.inputs, step.files])).not.toContain('a secret')
    expect(step.inputs.BUILD_ARGS).toMatch(/^KEYSTONE_BUILD_INPUTS=[0-9a-f]{32}$/m)
    const script = `${step.secrets['build-inputs']!.reveal()}printf '%s|%s' "$APP_NAME" "$TOKEN"`
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(`${given.APP_NAME}|a secret; rm -rf`)
  })

  it('is stored in a registry where there is one, with a login that is a secret', () => {
    const storedAs = 'registry.lab:5000/team/visits-production'
    const stored = build.run({ ...input, storedAs, dockerConfig: new Secret('{"auths":{}}') })
    expect(Object.keys(stored.secrets)).toEqual(['deploy-key', 'config.json'])
    const tag = build.key({ ...source, storedAs }).slice(0, 12)
    expect(stored.inputs.IMAGES).toBe(`linux/amd64 keystone/env:${tag} ${storedAs}:${tag}`)
    const digests = ['other.lab/x@sha256:0', `${storedAs}@sha256:1`]
    expect(stored.parse(reported({ digests })).images).toMatchObject([{ digest: `${storedAs}@sha256:1` }])
    expect(() => stored.parse(reported({ digests: [] }))).toThrow('was not pushed')
  })

  it('for several platforms is an image for each, with a tag of its own', () => {
    const several = { ...source, platforms: ['linux/amd64', 'linux/arm64'], storedAs: 'registry.lab/shop' } satisfies BuildSource
    const both = build.run({ ...input, ...several })
    const tag = build.key(several).slice(0, 12)
    expect(both.inputs.IMAGES!.split('\n')).toEqual([
      `linux/amd64 keystone/env:${tag}-amd64 registry.lab/shop:${tag}-amd64`,
      `linux/arm64 keystone/env:${tag}-arm64 registry.lab/shop:${tag}-arm64`,
    ])
    const [amd64, arm64] = [reported({ digests: ['registry.lab/shop@sha256:1'] }), reported({ architecture: 'arm64', imageId: 'sha256:2', digests: ['registry.lab/shop@sha256:2'], reused: true })]
    expect(both.parse(`${amd64}\n${arm64}\n`)).toEqual({
      images: [
        { platform: 'linux/amd64', imageId: 'sha256:1', digest: 'registry.lab/shop@sha256:1', sizeBytes: 10 },
        { platform: 'linux/arm64', imageId: 'sha256:2', digest: 'registry.lab/shop@sha256:2', sizeBytes: 10 },
      ],
      reused: false,
    })
    expect(() => both.parse(`${amd64}\n${amd64}\n`)).toThrow('the image for linux/arm64 came out for linux/amd64')
    expect(() => both.parse(amd64)).toThrow('nothing was built for linux/arm64')
  })

  it('stays within the repository', () => {
    const outside = { ...input, projectRoot: '../../etc' }
    expect(() => build.run(outside)).toThrow()
  })

  it('reports the image', () => {
    expect(step.parse(reported({}))).toEqual({
      images: [{ platform: 'linux/amd64', imageId: 'sha256:1', digest: null, sizeBytes: 10 }],
      reused: false,
    })
  })
})

describe('a replica', () => {
  it('of the web is found healthy over HTTP and joins the gateway', () => {
    const { 'replica-rep': service } = composed(web)
    expect(service).not.toHaveProperty('command')
    expect(service).toMatchObject({
      networks: ['keystone_gateway', 'keystone_service_pg'],
      volumes: ['keystone_environment_env_storage_app:/var/www/html/storage/app', ...mountedScripts],
      stop_grace_period: '40s',
      healthcheck: { test: ['CMD', 'keystone-health', '8080', '/up'], start_interval: '100ms' },
    })
  })

  it('of the web has as many threads as it is to, unless a variable sets FrankenPHP up otherwise', () => {
    const environmentOf = (input: typeof web, config = {}) => composed(input, config)['replica-rep'].environment
    expect(environmentOf(web)).toMatchObject({ FRANKENPHP_CONFIG: 'num_threads 16\nmax_wait_time 30s' })
    expect(environmentOf(web, { web: { threads: 40 } })).toMatchObject({ FRANKENPHP_CONFIG: 'num_threads 40\nmax_wait_time 30s' })
    expect(environmentOf(web, { drainWindowSeconds: 3 })).toMatchObject({ FRANKENPHP_CONFIG: 'num_threads 16\nmax_wait_time 10s' })
    expect(environmentOf({ ...web, env: { ...web.env, FRANKENPHP_CONFIG: 'max_threads auto' } })).not.toHaveProperty('FRANKENPHP_CONFIG')
    expect(environmentOf({ ...web, role: 'worker' })).toBeUndefined()
  })

  it('of the web tells PHP of the scheme and the address that the gateway was asked by', () => {
    expect(composed(web)['replica-rep'].environment).toMatchObject({
      CADDY_SERVER_EXTRA_DIRECTIVES: '@keystone_https header X-Forwarded-Proto https\nvars @keystone_https keystone_https on',
      CADDY_PHP_SERVER_OPTIONS: 'env HTTPS {vars.keystone_https}\nenv REMOTE_ADDR {client_ip}',
    })
    expect(composed({ ...web, role: 'worker' })['replica-rep']).not.toHaveProperty('environment')
  })

  it('gives folders that its image may not know to the user who runs it', () => {
    const inputsOf = (persistentPaths: string[]) => laravel.configured({ persistentPaths }).startReplica(web).inputs
    expect(inputsOf(['storage/app', 'public/uploads'])).toMatchObject({
      VOLUMES: 'keystone_environment_env_storage_app\nkeystone_environment_env_public_uploads',
      OWN_VOLUMES: 'keystone_environment_env_public_uploads',
      IMAGE: 'sha256:abc',
    })
    expect(inputsOf(['storage/app'])).not.toHaveProperty('OWN_VOLUMES')
  })

  it('of a worker finishes its job: it is stopped 10 s after the job\'s timeout', () => {
    const { 'replica-rep': service } = composed({ ...web, role: 'worker' }, { queue: { queues: ['high', 'default'], timeoutSeconds: 120 } })
    expect(service.command).toEqual([
      'php', 'artisan', 'queue:work', '--queue=high,default', '--tries=3', '--timeout=120', '--memory=256', '--max-time=3600', '--no-interaction',
    ])
    expect(service.stop_grace_period).toBe('130s')
  })

  it('of a worker with several processes keeps them all in its container', () => {
    const { 'replica-rep': service } = composed({ ...web, role: 'worker' }, { queue: { processes: 4 } })
    expect(service.command.slice(0, 5)).toEqual(['keystone-workers', '4', 'php', 'artisan', 'queue:work'])
    expect(service.healthcheck.test).toEqual(['CMD', 'grep', '-qx', 'keystone-worker', '/proc/1/comm'])
    const { 'replica-rep': own } = composed({ ...web, role: 'worker' }, { queue: { processes: 4 }, workerCommand: 'php artisan horizon' })
    expect([own.command, own.healthcheck.test[2]]).toEqual([['sh', '-c', 'exec php artisan horizon'], '-qx'])
    expect(own.healthcheck.test).toContain('php')
  })

  it('runs other commands as the process itself', () => {
    expect(composed({ ...web, role: 'worker' }, { workerCommand: 'php artisan horizon' })['replica-rep'].command).toEqual(['sh', '-c', 'exec php artisan horizon'])
    const { 'replica-rep': socket } = composed({ ...web, role: 'websocket' }, { websocket: { command: 'php artisan socket:serve', port: 6001 } })
    expect(socket.healthcheck.test).toEqual(['CMD', 'keystone-health', '6001', '/up'])
  })

  it('has a project of its own, with a scheduler behind a profile', () => {
    const step = laravel.configured({}).startReplica(web)
    expect(step.inputs).toMatchObject({ PROJECT: 'keystone-rep', FOLDER: '/home/keystone/services/svc/rep', SERVICE: 'replica-rep' })
    expect(composed(web)['scheduler-rep']).toMatchObject({
      profiles: ['scheduler'],
      container_name: 'shop-web-rep-scheduler',
      command: ['keystone-scheduler', '/var/lib/keystone-scheduler'],
      labels: { 'keystone.scheduler': 'yes', 'keystone.replica': 'rep' },
    })
  })

  it('is stopped with its folder, and says whether it had to be killed', () => {
    const { ownership, containerName, role } = web
    const step = laravel.configured({}).stopReplica({ ownership, containerName, role })
    expect(step.inputs).toEqual({
      REPLICA: 'rep',
      PROJECT: 'keystone-rep',
      GRACE_SECONDS: '40',
      PATHS: '/home/keystone/services/svc/rep',
    })
    expect(step.parse('{"killed":["shop-web-rep"]}')).toEqual({ killed: ['shop-web-rep'] })
  })
})

describe('what a gateway is to know', () => {
  it('is where the assets are and which paths are for websockets: by default those of Vite and Reverb', () => {
    expect(laravel.configured({}).application).toMatchObject({ assetPaths: ['/build'], websocketPaths: ['/app', '/apps'], healthPath: '/up' })
    const own = laravel.configured({ assetPaths: ['/js'], websocket: { paths: ['/live'] } })
    expect(own.application).toMatchObject({ assetPaths: ['/js'], websocketPaths: ['/live'] })
  })
})

describe('an embedded worker', () => {
  const config = { embeddedWorker: true, queue: { queues: ['mail'], timeoutSeconds: 120 } }

  it('is started with its web replica, works as a worker does, and has the time for its job', () => {
    const worker = composed(web, config)['worker-rep']
    expect(worker).toMatchObject({ container_name: 'shop-web-rep-worker', stop_grace_period: '130s', image: 'sha256:abc', labels: { 'keystone.replica': 'rep' } })
    expect(worker.command).toEqual(composed({ ...web, role: 'worker' }, config)['replica-rep'].command)
    expect(worker).not.toHaveProperty('profiles')
    expect(laravel.configured(config).startReplica(web).inputs.BESIDE).toBe('worker-rep shop-web-rep-worker 3')
    expect(laravel.configured(config).stopReplica(web).inputs.GRACE_SECONDS).toBe('130')
  })

  it('is there only where it is wished for, and only beside the web', () => {
    expect(Object.keys(composed(web))).toEqual(['replica-rep', 'scheduler-rep'])
    expect(Object.keys(composed({ ...web, role: 'worker' }, config))).toEqual(['replica-rep', 'scheduler-rep'])
    expect(laravel.configured({}).startReplica(web).inputs.BESIDE).toBe('')
    expect(laravel.configured(config).application!.startScheduler({ replica: web, follows: null }).inputs.BESIDE).toBe('')
  })
})

describe('a scheduler', () => {
  const application = laravel.configured({}).application!
  const folder = '/home/keystone/services/svc/rep/scheduler'
  const inputs = (follows: Parameters<typeof application.startScheduler>[0]['follows']) => application.startScheduler({ replica: web, follows }).inputs

  it('has its charge beside the project, where its container writes it', () => {
    expect(inputs(null)).toMatchObject({ SERVICE: 'scheduler-rep', SCHEDULER_FOLDER: folder, PREDECESSOR: '', TICKED: '' })
    expect(composed(web)['scheduler-rep'].volumes).toEqual(expect.arrayContaining([...mountedScripts, './scheduler:/var/lib/keystone-scheduler']))
  })

  it('follows one on the same server, or one elsewhere after its last minute', () => {
    const ownership = { ...web.ownership, serviceId: 'other', replicaId: 'old' }
    const before = { PREDECESSOR: 'old', PREDECESSOR_FOLDER: '/home/keystone/services/other/old/scheduler', TICKED: '' }
    expect(inputs({ ownership })).toMatchObject(before)
    expect(inputs({ ticked: 29_000_000 })).toMatchObject({ PREDECESSOR: '', PREDECESSOR_FOLDER: '', TICKED: '29000000' })
  })

  it('is released with its last minute, if it ever ticked', () => {
    const step = application.releaseScheduler({ ownership: web.ownership })
    expect(step.inputs).toEqual({ REPLICA: 'rep', SCHEDULER_FOLDER: folder })
    expect(step.parse('{"ticked":29000000}')).toEqual({ ticked: 29_000_000 })
    expect(step.parse('{"ticked":null}')).toEqual({ ticked: null })
  })
})

describe('a one-off command', () => {
  const application = laravel.configured({}).application!
  const step = application.oneOff({ replica: web, name: 'migrate', command: application.migration.command, repeatable: true })

  it('runs in the project of a replica, with its files in place', () => {
    expect(step.inputs).toMatchObject({ NAME: 'migrate', COMMAND: 'php artisan migrate --force', REPEATABLE: 'yes', SERVICE: 'replica-rep' })
    expect(step.files.map(({ path }) => path)).toEqual(['compose.yml', '.env', ...scripts].map((name) => `/home/keystone/services/svc/rep/${name}`))
  })

  it('reports how it ended', () => {
    expect(step.parse('{"outcome":"exited","exitCode":1}')).toEqual({ outcome: 'exited', exitCode: 1 })
    expect(step.parse('{"outcome":"unknown"}')).toEqual({ outcome: 'unknown' })
  })

  it('tells of a failure which command it was, and where nobody knows how it ended', () => {
    expect(step.command).toBe('php artisan migrate --force')
    expect(step.explain?.('{"outcome":"unknown"}')).toMatchObject({ code: 'outcome_unknown', hint: expect.stringContaining('Look at its effects') })
    expect([step.explain?.('{"outcome":"exited","exitCode":75}'), step.explain?.('')]).toEqual([null, null])
  })

  it('has a container that is named after its step', () => {
    const named = application.oneOff({ replica: web, name: 'pre-switch command 2', command: 'php artisan about', repeatable: false })
    expect(named).toMatchObject({ name: 'pre-switch command 2', inputs: { NAME: 'pre-switch-command-2', REPEATABLE: 'no' } })
  })

  it('before and after the switch is what the service says, in this order', () => {
    expect(application.commands).toEqual({ pre_switch: [], post_switch: [] })
    const own = { preSwitchCommands: ['php artisan one', 'php artisan two'], postSwitchCommands: ['php artisan three'] }
    expect(laravel.configured(own).application!.commands).toEqual({ pre_switch: ['php artisan one', 'php artisan two'], post_switch: ['php artisan three'] })
    expect(() => laravel.configured({ preSwitchCommands: [' '] })).toThrow()
    expect(() => laravel.configured({ postSwitchCommands: Array(16).fill('true') })).toThrow('put more into a script')
  })
})
