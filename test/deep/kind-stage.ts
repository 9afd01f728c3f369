import { z } from 'zod'
import type { Operation } from '../../stack/demo/operation.ts'
import { openScene, type Sample, type Scene } from '../e2e/scene.ts'

/** A server with an application on it whose web service has been deployed. */
export interface Stage {
  scene: Scene
  visits: Sample
  webId: string
  applicationId: string
  /** Another environment of the application, which is never deployed. */
  stagingId: string
  /** Path of the organisation. */
  root: string
  succeeded(operation: Operation): Promise<void>
}

/** Brings about a state that is the same each time; what it returns begins an operation from there. */
export type Prepare = (stage: Stage) => Promise<() => Promise<Operation>>

export async function openStage(): Promise<Stage> {
  const scene = await openScene({ name: 'deep-kinds' })
  const { organisation, client, prepared } = scene
  const visits = await scene.sample('visits', { web: { drainWindowSeconds: 10 } })
  await organisation.changeEnvironment(visits.environmentId, { releaseRetention: 50 })
  const succeeded = async (operation: Operation) => {
    const tree = await scene.ended(operation)
    if (tree.status !== 'succeeded') throw new Error(`${tree.summary} ended ${tree.status}: ${JSON.stringify(tree.failure)}`)
  }
  await succeeded(await organisation.deploy(visits.environmentId))
  const web = (await organisation.services(visits.environmentId)).find(({ name }) => name === 'web')
  if (!web) throw new Error('the sample has no service "web"')
  const root = `/organisations/${organisation.id}`
  const { applicationId } = await client.get(`${root}/environments/${visits.environmentId}`, z.object({ applicationId: z.string() }))
  const { environmentId: stagingId } = await organisation.createEnvironment(applicationId, { name: 'staging', serverIds: [prepared.serverId] })
  return { scene, visits, webId: web.id, applicationId, stagingId, root, succeeded }
}
