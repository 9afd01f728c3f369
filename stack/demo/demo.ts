import { connect } from '../../db/connect.ts'
import { issueOwnerToken } from '../../db/owner.ts'
import { ensureDocker, openLab, removeLab, type Lab } from '../../test/lab/index.ts'
import type { Say } from '../say.ts'
import { createApiClient } from './client.ts'
import type { Operation, OperationTree } from './operation.ts'
import { createOrganisation, type OrganisationClient } from './organisation.ts'
import { createSample, prepareServer } from './sample.ts'
import { createTeller } from './tell.ts'

/** Which Keystone the demo is for. */
export interface DemoWish {
  /** Where the API answers. */
  url: string
  /** Where a token for the demo is made; everything else goes through the API. */
  databaseUrl: string
  say: Say
}

const labName = 'demo'
const labSubnet = 71

/**
 * Boots a throwaway server and deploys the sample application onto it as any client would. The server stays, so that the address
 * goes on answering; the next demo takes a new one. Throws where Docker is missing or a step does not succeed.
 */
export async function runDemo({ url, databaseUrl, say }: DemoWish): Promise<void> {
  const lab = await openDemoLab(say)
  const server = await lab.server('s1')
  say(`Demo: the server is up at ${server.address}`)
  const client = createApiClient(url, await demoToken(databaseUrl))
  const organisation = await createOrganisation(client, `demo ${new Date().toISOString().slice(0, 19)}`)
  const ended = (operation: Operation) => succeeded(organisation, operation, say)
  const prepared = await prepareServer(organisation, server, ended)
  const wish = { name: 'visits', repository: await repositoryIn(lab), domain: server.address, ended }
  const { environmentId } = await createSample(organisation, prepared, wish)
  const deployed = await ended(await organisation.deploy(environmentId))
  const address = `http://${server.address}/`
  const page = await (await fetch(address)).text()
  say(`Demo: ${address} answers`)
  for (const line of page.trim().split('\n')) say(`    ${line}`)
  say(`Demo: the deploy in Temporal: ${deployed.temporal.webUrl ?? deployed.temporal.workflowId}`)
  say(`Demo: remove the server with KEYSTONE_LAB_NAME=${labName} npm run lab -- down`)
}

async function openDemoLab(say: Say): Promise<Lab> {
  const log = (line: string) => say(`Demo: ${line}`)
  await ensureDocker({ log })
  await removeLab(labName)
  say('Demo: booting a server; the first time its images are made, which takes about 25 minutes')
  return openLab({ name: labName, subnet: labSubnet, log })
}

async function demoToken(databaseUrl: string): Promise<string> {
  const { db, close } = connect(databaseUrl, 1)
  const token = await issueOwnerToken(db, 'demo').finally(close)
  return token.reveal()
}

async function repositoryIn(lab: Lab) {
  const { sshUrl, hostKey } = await lab.gitHost.createRepository('visits')
  return { sshUrl, hostKey, addDeployKey: (publicKey: string) => lab.gitHost.addDeployKey('visits', publicKey) }
}

async function succeeded(organisation: OrganisationClient, operation: Operation, say: Say): Promise<OperationTree> {
  say(`Demo: ${operation.summary}`)
  const tree = await organisation.finished(operation, createTeller(say))
  if (tree.status === 'succeeded') return tree
  const { message = tree.status, tail = '', hint = '' } = tree.failure ?? {}
  const lines = [`Demo: ${tree.summary} ended ${tree.status}: ${message}`, tail, hint, tree.temporal.webUrl ?? '']
  throw new Error(lines.filter(Boolean).join('\n'))
}
