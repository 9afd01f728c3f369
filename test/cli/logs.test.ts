import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LogServer, openLogServer } from '../api/log-server.ts'
import { makeEnvironment, makeServer } from '../api/scene.ts'
import { createTestApi, type TestApi } from '../api/test-api.ts'
import { until } from '../lab/until.ts'
import { type Command, createCommand, serve, type Served } from './program.ts'

let api: TestApi
let server: LogServer
let served: Served
let command: Command
let serverName: string
let environmentId: string
let web: { id: string; name: string }
const replicaId = randomUUID()
const short = replicaId.slice(-6)

beforeAll(async () => {
  api = await createTestApi()
  served = await serve(api)
  command = await createCommand()
  server = await openLogServer()
  const serverId = await makeServer(api, { address: '127.0.0.1', sshPort: server.port, hostKey: server.hostKey })
  const [row] = await api.database.sql`
    update servers set status = 'active', architecture = 'amd64' where id = ${serverId} returning name, management_key_public as key`
  serverName = String(row!.name)
  server.letIn(String(row!.key))
  environmentId = await makeEnvironment(api, { serverIds: [serverId] })
  const [service] = await api.database.sql<{ id: string; name: string }[]>`select id, name from services where environment_id = ${environmentId}`
  web = service!
  await server.has({ id: 'a', serviceId: web.id, replicaId }, [`${second(1)} up \x1b[2Jand running`], [`${second(2)} oops`])
})
afterAll(async () => {
  await served.close()
  await Promise.all([server.close(), api.close()])
})

const second = (number: number) => `2026-01-01T00:00:0${number}.123456789Z`
const env = () => ({ env: { KEYSTONE_URL: served.url, KEYSTONE_TOKEN: api.ownerToken } })
const shown = () => `2026-01-01T00:00:01.123Z ${web.name} ${short}@${serverName} | up and running\n2026-01-01T00:00:02.123Z ${web.name} ${short}@${serverName} ! oops\n`

it('logs of an environment are a line each, which draws nothing', async () => {
  expect(await command.run('logs production', env())).toEqual({ code: 0, stdout: shown(), stderr: '' })
})

it('logs are of the service and the replica that are named, or exactly what the API answers', async () => {
  expect((await command.run(`logs ${environmentId} --service ${web.name} --replica ${short} -n 1 --since 10m`, env())).stdout.split('\n')).toHaveLength(3)
  expect((await command.run(`logs production --replica ffffffffffff`, env())).stdout).toBe('')
  const { body } = await api.ask('GET', `${api.root}/environments/${environmentId}/logs`)
  expect(JSON.parse((await command.run('logs production --json', env())).stdout)).toEqual(body)
  expect(await command.run('logs production --service nothing', env())).toMatchObject({ code: 2, stderr: expect.stringContaining(`There are: ${web.name}`) })
  expect(await command.run('logs production --since yesterday', env())).toMatchObject({ code: 1, stderr: expect.stringContaining('since: must be a moment') })
})

it('logs are followed until Ctrl-C, also when the connection is cut', async () => {
  const following = command.start('logs production -f', env())
  await until('what is there to be shown', async () => following.stdout() === shown())
  await server.writes('a', `${second(3)} three`)
  await until('what comes to be shown', async () => following.stdout().endsWith('| three\n'))
  served.cut()
  await until('it to be asked again', async () => (await server.asked()).some((asked) => asked.includes(`--tail 1000 --since 2026-01-01T00:00:03.123456790Z`)))
  following.interrupt()
  expect(await following.ended).toMatchObject({ code: null })
  await until('the commands on the server to end', async () => server.running() === 0)
})
