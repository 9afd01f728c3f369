import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { idOf } from '../../db/ids.ts'
import { recordAvailable } from '../../db/updates.ts'
import type { ServiceId } from '../../domain/ids.ts'
import { operationSchema, stepsOf, type Operation } from '../../stack/demo/operation.ts'
import { watch } from '../chaos/fault.ts'
import type { LabServer } from '../lab/index.ts'
import { until } from '../lab/until.ts'
import { attachments, away, slice, slicesOf, there, webStandstill } from './fleeting.ts'
import type { Prepare, Stage } from './kind-stage.ts'

/** Begins this while the application's web service runs. */
export function whileWebRuns(begin: (stage: Stage) => Promise<Operation>): Prepare {
  return async (stage) => {
    await away(stage, webStandstill)
    return () => begin(stage)
  }
}

/** Another limit of a database. */
export async function prepareLimit(stage: Stage): ReturnType<Prepare> {
  const id = await there(stage, slice)
  const path = `${stage.root}/${slicesOf(stage)}/${id}`
  const { config } = await stage.scene.client.get(path, z.object({ config: z.object({ connectionLimit: z.number().nullable() }) }))
  return async () => {
    await stage.scene.client.patch(path, { config: { connectionLimit: config.connectionLimit === 7 ? 8 : 7 } })
    return newestOperation(stage, `targetId=${id}`)
  }
}

export async function prepareRotation(stage: Stage): ReturnType<Prepare> {
  const { scene, root, visits } = stage
  await away(stage, webStandstill)
  const database = (await attachments(stage, visits.environmentId)).find(({ role }) => role === 'database')
  return () => scene.client.post(`${root}/${slicesOf(stage)}/${database?.sliceId}/credential-rotations`, undefined, operationSchema)
}

/** There is a release to go back to. */
export async function prepareRollback(stage: Stage): ReturnType<Prepare> {
  const { scene: { organisation }, visits } = stage
  const begin = await prepareChange(stage)
  if ((await organisation.releases(visits.environmentId)).length < 2) await stage.succeeded(await begin())
  return () => organisation.rollBack(visits.environmentId)
}

/** Another value of a variable. */
export async function prepareChange(stage: Stage): ReturnType<Prepare> {
  const { scene, visits } = stage
  await away(stage, webStandstill)
  await scene.organisation.setVariable(visits.environmentId, 'APP_RELEASE', randomBytes(8).toString('hex'))
  return () => scene.organisation.changeConfig(visits.environmentId)
}

/** The recovery of a change whose workflow has been terminated when its first replica was starting. */
export async function prepareLoss(stage: Stage): ReturnType<Prepare> {
  const begin = await prepareChange(stage)
  const { scene, root } = stage
  return async () => {
    const lost = await begin()
    await watch(scene, lost).reaches((tree) => stepsOf(tree).some(({ name }) => name === 'start web'))
    await scene.keystone.temporal.client.workflow.getHandle(lost.temporal.workflowId).terminate('the test wants it')
    const isRecovering = async () => (await scene.client.get(`${root}/operations/${lost.id}`, operationSchema)).status === 'recovering'
    await until('the recovery to be requested', isRecovering)
    return newestOperation(stage, 'kind=operation_recover')
  }
}

const imageSchema = z.object({ currentImageDigest: z.string() })

/** The tag of the database's image stands for another one, as it has been looked up. */
export async function prepareUpdate({ scene, root }: Stage): ReturnType<Prepare> {
  const path = `${root}/services/${scene.prepared.databaseId}`
  const { currentImageDigest } = await scene.client.get(path, imageSchema)
  const digest = await scene.lab.mirror.putBeside('postgres', [`LABEL lab.after=${currentImageDigest}`])
  await recordAvailable(scene.keystone.database.db, [idOf<ServiceId>(scene.prepared.databaseId)], `postgres@${digest}`)
  return () => scene.client.post(`${path}/updates`, { acknowledgeDowntime: true, acknowledgeDataRisk: true }, operationSchema)
}

const keyFileSchema = z.object({ current: z.string(), keys: z.record(z.string(), z.string()) })

/** Every process has another key to encrypt with. */
export async function prepareKey({ scene, root }: Stage): ReturnType<Prepare> {
  const { api, worker, keyFile } = scene.keystone
  const { keys } = keyFileSchema.parse(JSON.parse(await readFile(keyFile, 'utf8')))
  const current = `key-${Object.keys(keys).length}`
  const file = { current, keys: { ...keys, [current]: randomBytes(32).toString('base64') } }
  await writeFile(keyFile, JSON.stringify(file), { mode: 0o600 })
  await Promise.all([api, worker].map((program) => program.end('SIGTERM')))
  await Promise.all([api, worker].map((program) => program.start()))
  return () => scene.client.post(`${root}/key-rotations`, undefined, operationSchema)
}

/** Of the server of the scene, which alone serves all that runs on it. */
export async function prepareReboot(stage: Stage): ReturnType<Prepare> {
  const { scene, root } = stage
  await away(stage, webStandstill)
  return () => scene.client.post(`${root}/servers/${scene.prepared.serverId}/reboot`, { acknowledgeDowntime: true }, operationSchema)
}

/** A server that nobody knows yet. */
export async function prepareServer(stage: Stage): ReturnType<Prepare> {
  const server = await bootServer(stage, 1)
  return async () => (await stage.scene.organisation.adoptServer(server)).operation
}

/** A server that is ready, and that nothing is on. */
export async function prepareServerRemoval(stage: Stage): ReturnType<Prepare> {
  const { serverId, operation } = await stage.scene.organisation.adoptServer(await bootServer(stage, 1))
  await stage.succeeded(operation)
  return () => stage.scene.client.delete(`${stage.root}/servers/${serverId}`, operationSchema)
}

/** The one that was booted last. */
export const bootedServer = (stage: Stage): Promise<LabServer> => bootServer(stage, 0)

async function bootServer({ scene }: Stage, further: 0 | 1): Promise<LabServer> {
  return scene.lab.server(`s${(await scene.lab.servers()).length + further}`, { preinstalled: true })
}

async function newestOperation({ scene, root }: Stage, query: string): Promise<Operation> {
  const { items } = await scene.client.get(`${root}/operations?${query}&limit=1`, z.object({ items: z.array(operationSchema) }))
  const [operation] = items
  if (!operation) throw new Error(`there is no operation with ${query}`)
  return operation
}
