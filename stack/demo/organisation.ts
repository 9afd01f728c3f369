import { z } from 'zod'
import type { ApiClient } from './client.ts'
import { finished, type Operation, operationSchema, type OperationTree } from './operation.ts'

const identified = z.object({ id: z.string() })
const startedSchema = z.object({ operation: operationSchema })
const attachedSchema = startedSchema.extend({
  slice: identified,
  recommendedVariables: z.record(z.string(), z.string()),
})
const interruptedSchema = startedSchema.extend({
  interruption: z.object({ message: z.string(), environments: z.array(z.string()) }).nullable(),
})
const routedSchema = startedSchema.extend({ route: identified })
const applicationSchema = identified.extend({ deployKeyPublic: z.string() })

const servicesSchema = z.object({ items: z.array(identified.extend({ name: z.string() })) })

const releaseSchema = z.object({
  id: z.string(),
  number: z.number(),
  kind: z.string(),
  status: z.string(),
  commit: z.string().nullable(),
  image: z.string().nullable(),
  rolledBackToId: z.string().nullable(),
  rollbackRefusal: z.object({ code: z.string() }).nullable(),
})

const checksSchema = z.object({
  items: z.array(z.object({ code: z.string(), message: z.string(), request: z.object({ path: z.string(), body: z.unknown() }).nullable() })),
})

/** What should be looked at in an environment. */
export type Check = z.infer<typeof checksSchema>['items'][number]

/** A version of an environment. */
export type Release = z.infer<typeof releaseSchema>

/** A server as its owner knows it: root may log in by key. */
export interface OwnServer {
  name: string
  address: string
  /** 22 where it is left out. */
  sshPort?: number
  privateAddress: string
  /** Left out: the one that all its servers have. */
  privateNetwork?: string
  /** `ssh-ed25519 AAAA…` */
  hostKey: string
  rootKey: string
}

/** A repository that the user may let a deploy key into. */
export interface OwnRepository {
  sshUrl: string
  /** `ssh-ed25519 AAAA…` of its host. */
  hostKey: string
  addDeployKey(publicKey: string): Promise<void>
}

/** A domain for an environment, and how its gateway is to treat it. */
export interface RouteWish {
  domain: string
  tls: string
  redirectFrom?: readonly string[]
  /** PEM, with `tls: provided`. */
  certificate?: { chain: string; privateKey: string }
  gatewayServiceId?: string
  activeHealthIntervalSeconds?: number
}

/** What a person would do in an organisation with an HTTP client. Functions throw ApiProblem. */
export interface OrganisationClient {
  id: string
  adoptServer(server: OwnServer): Promise<{ serverId: string; operation: Operation }>
  createService(wish: {
    driver: string
    name: string
    serverId: string
    allowPublic?: boolean
    config?: object
  }): Promise<{ serviceId: string; operation: Operation }>
  connectRegistry(wish: {
    name: string
    type: string
    url: string
    namespace: string
    username: string
    password: string
    /** `plain_http` for one without TLS. */
    insecure?: string
  }): Promise<{ registryId: string }>
  createApplication(name: string, repository: OwnRepository): Promise<{ applicationId: string }>
  createEnvironment(applicationId: string, wish: object): Promise<{ environmentId: string }>
  addService(environmentId: string, wish: { name: string; role: string; serverId?: string | undefined; config?: object }): Promise<void>
  /** Attaches a service and takes the variables that are recommended then. */
  attach(
    environmentId: string,
    wish: { serviceId: string; role: string; sliceId?: string },
  ): Promise<{ sliceId: string; operation: Operation }>
  setVariable(environmentId: string, key: string, value: string): Promise<void>
  /** Rolls out what is set, with the image that is live. */
  changeConfig(environmentId: string): Promise<Operation>
  route(environmentId: string, wish: RouteWish): Promise<{ route: { id: string }; operation: Operation }>
  deploy(environmentId: string, wish?: { branch?: string; commit?: string; image?: string }): Promise<Operation>
  cancel(operationId: string): Promise<void>
  /** To the release before the live one, where none is named. */
  rollBack(environmentId: string, wish?: { releaseId?: string }): Promise<Operation>
  /** Runs the migration of what is live. */
  migrate(environmentId: string): Promise<Operation>
  /** Runs a command with what is live. */
  runCommand(environmentId: string, wish: { command: string | readonly string[]; serviceId?: string }): Promise<Operation>
  /** Newest first, at most 50. */
  releases(environmentId: string): Promise<Release[]>
  /** What the newest plan has found. */
  checks(environmentId: string): Promise<Check[]>
  changeEnvironment(environmentId: string, changes: object): Promise<void>
  services(environmentId: string): Promise<{ id: string; name: string }[]>
  changeService(serviceId: string, changes: object): Promise<void>
  /** What users notice of it is null where they notice nothing. */
  stopService(serviceId: string): Promise<z.infer<typeof interruptedSchema>>
  startService(serviceId: string): Promise<{ operation: Operation }>
  restartService(serviceId: string): Promise<z.infer<typeof interruptedSchema>>
  removeService(serviceId: string): Promise<Operation>
  /** `force`: without servers that do not answer. */
  removeEnvironment(environmentId: string, wish?: { force: boolean }): Promise<Operation>
  /** Waits for an operation's end. */
  finished(operation: Operation, onChange?: (tree: OperationTree) => void): Promise<OperationTree>
}

/** Creates an organisation and acts in it. */
export async function createOrganisation(client: ApiClient, name: string): Promise<OrganisationClient> {
  const { id } = await client.post('/organisations', { name }, identified)
  const path = `/organisations/${id}`
  const environment = (environmentId: string) => `${path}/environments/${environmentId}`
  const setVariable = async (environmentId: string, key: string, value: string) => {
    await client.put(`${environment(environmentId)}/variables/${key}`, { value })
  }
  return {
    id,
    async adoptServer({ name: serverName, address, sshPort, privateAddress, privateNetwork, hostKey, rootKey }) {
      const answer = z.object({ server: identified, operation: operationSchema })
      const wish = { name: serverName, address, sshPort, privateAddress, privateNetwork, hostKey, firstLogin: { privateKey: rootKey } }
      const adopted = await client.post(`${path}/servers`, wish, answer)
      return { serverId: adopted.server.id, operation: adopted.operation }
    },
    async createService(wish) {
      const made = await client.post(`${path}/services`, wish, z.object({ service: identified, operation: operationSchema }))
      return { serviceId: made.service.id, operation: made.operation }
    },
    async connectRegistry(wish) {
      return { registryId: (await client.post(`${path}/registries`, wish, identified)).id }
    },
    async createApplication(applicationName, { sshUrl, hostKey, addDeployKey }) {
      const { hostname, port } = new URL(sshUrl)
      await client.post(`${path}/git-host-keys`, { host: hostname, port: Number(port || 22), key: hostKey }, identified)
      const wish = { name: applicationName, repositoryUrl: sshUrl, repositoryType: 'generic' }
      const application = await client.post(`${path}/applications`, wish, applicationSchema)
      await addDeployKey(application.deployKeyPublic)
      await client.post(`${path}/applications/${application.id}/verify`, undefined, identified)
      return { applicationId: application.id }
    },
    async createEnvironment(applicationId, wish) {
      const created = await client.post(`${path}/applications/${applicationId}/environments`, wish, identified)
      return { environmentId: created.id }
    },
    async addService(environmentId, wish) {
      await client.post(`${environment(environmentId)}/services`, wish, identified)
    },
    async attach(environmentId, wish) {
      const attached = await client.post(`${environment(environmentId)}/attachments`, wish, attachedSchema)
      const { slice, recommendedVariables, operation } = attached
      for (const [key, value] of Object.entries(recommendedVariables)) await setVariable(environmentId, key, value)
      return { sliceId: slice.id, operation }
    },
    setVariable,
    route: (environmentId, wish) => client.post(`${environment(environmentId)}/routes`, wish, routedSchema),
    deploy: (environmentId, wish = {}) => client.post(`${environment(environmentId)}/deployments`, wish, operationSchema),
    changeConfig: (environmentId) => client.post(`${environment(environmentId)}/config-changes`, undefined, operationSchema),
    async cancel(operationId) {
      await client.post(`${path}/operations/${operationId}/cancel`, undefined, identified)
    },
    rollBack: (environmentId, wish = {}) => client.post(`${environment(environmentId)}/rollbacks`, wish, operationSchema),
    migrate: (environmentId) => client.post(`${environment(environmentId)}/migrations`, undefined, operationSchema),
    runCommand: (environmentId, wish) => client.post(`${environment(environmentId)}/commands`, wish, operationSchema),
    async releases(environmentId) {
      return (await client.get(`${environment(environmentId)}/releases`, z.object({ items: z.array(releaseSchema) }))).items
    },
    async checks(environmentId) {
      return (await client.get(`${environment(environmentId)}/checks`, checksSchema)).items
    },
    changeEnvironment: (environmentId, changes) => client.patch(environment(environmentId), changes),
    async services(environmentId) {
      return (await client.get(`${environment(environmentId)}/services`, servicesSchema)).items
    },
    changeService: (serviceId, changes) => client.patch(`${path}/services/${serviceId}`, changes),
    stopService: (serviceId) => client.post(`${path}/services/${serviceId}/stop`, undefined, interruptedSchema),
    startService: (serviceId) => client.post(`${path}/services/${serviceId}/start`, undefined, startedSchema),
    restartService: (serviceId) => client.post(`${path}/services/${serviceId}/restart`, undefined, interruptedSchema),
    removeService: (serviceId) => client.delete(`${path}/services/${serviceId}`, operationSchema),
    removeEnvironment: (environmentId, { force } = { force: false }) => client.delete(`${environment(environmentId)}?force=${force}`, operationSchema),
    finished: (operation, onChange = () => {}) => finished({ client, organisationId: id, operationId: operation.id, onChange }),
  }
}
