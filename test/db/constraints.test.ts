import { afterAll, describe, expect, test } from 'vitest'
import { newId } from '../../db/ids.ts'
import { createTestDatabase } from '../database.ts'
import { application, artifact, environment, gateway, operation, organisation, release, replica, server, service, slice } from './rows.ts'

/** What the database itself refuses, whatever the code above it does: plain SQL, and the name of the constraint that says no. */

const database = await createTestDatabase()
const { db, sql } = database
afterAll(database.close)

const ours = await organisation(db)
const theirs = await organisation(db)
const our = {
  server: await server(db, ours),
  environment: await environment(db, ours),
  service: await service(db, ours),
  operation: (await operation(db, { organisationId: ours })).id,
}
const their = {
  server: await server(db, theirs),
  application: await application(db, theirs),
  environment: await environment(db, theirs),
  service: await service(db, theirs),
  operation: (await operation(db, { organisationId: theirs })).id,
}
const [registry] = await sql`insert into registries (organisation_id, name, type, url) values (${theirs}, 'theirs', 'generic', '-') returning id`
const [provider] = await sql`insert into providers (organisation_id, name, type, token) values (${theirs}, 'theirs', 'hetzner', '-') returning id`

/** The statement is refused, by this constraint. */
async function refused(statement: Promise<unknown>, constraint: string): Promise<void> {
  await expect(statement).rejects.toMatchObject({ constraint_name: constraint })
}

describe('what belongs to another organisation cannot be named', () => {
  test('by an environment: application and registry', async () => {
    await refused(sql`update environments set application_id = ${their.application} where id = ${our.environment}`, 'environments_application_fk')
    await refused(sql`update environments set registry_id = ${registry!.id} where id = ${our.environment}`, 'environments_registry_fk')
  })

  test('by a service: environment and the server of a gateway', async () => {
    await refused(sql`update services set environment_id = ${their.environment} where id = ${our.service}`, 'services_environment_fk')
    const ourGateway = await gateway(db, ours, await server(db, ours))
    await refused(sql`update services set gateway_server_id = ${their.server} where id = ${ourGateway}`, 'services_gateway_server_fk')
  })

  test('by a server: provider', async () => {
    await refused(sql`update servers set provider_id = ${provider!.id} where id = ${our.server}`, 'servers_provider_fk')
  })

  test('by an operation: parent, root and what it is a retry of', async () => {
    await refused(sql`update operations set parent_id = ${their.operation} where id = ${our.operation}`, 'operations_parent_fk')
    await refused(sql`update operations set root_id = ${their.operation} where id = ${our.operation}`, 'operations_root_fk')
    await refused(sql`update operations set retry_of = ${their.operation} where id = ${our.operation}`, 'operations_retry_fk')
  })
})

describe('what belongs to another environment or service cannot be named', () => {
  test('by an environment: the service that the scheduler runs on', async () => {
    const standalone = sql`update environments set scheduler_target_service_id = ${our.service} where id = ${our.environment}`
    await refused(standalone, 'environments_scheduler_target_fk')
  })

  test('by a release its artifact, by an environment its release', async () => {
    const other = await environment(db, ours)
    const [foreign, own] = [await artifact(db, other, our.operation), await artifact(db, our.environment, our.operation)]
    const release = (artifactId: string) => sql`
      insert into releases (environment_id, number, operation_id, commit_sha, artifact_id, status, services, variable_versions, trigger)
      values (${our.environment}, 1, ${our.operation}, ${'a'.repeat(40)}, ${artifactId}, 'successful', '{}', '{}', '{}') returning id`
    await refused(release(foreign), 'releases_artifact_fk')
    const [stored] = await release(own)
    await refused(sql`update environments set current_release_id = ${stored!.id} where id = ${other}`, 'environments_current_release_fk')
    await sql`update environments set current_release_id = ${stored!.id} where id = ${our.environment}`
  })

  test('by an attachment: the slice of another service', async () => {
    const foreign = await slice(db, await service(db, ours))
    const attach = sql`
      insert into environment_attachments (environment_id, service_id, service_slice_id, role)
      values (${our.environment}, ${our.service}, ${foreign}, 'database')`
    await refused(attach, 'environment_attachments_slice_fk')
  })
})

describe('what is named exists', () => {
  test.each([
    ['a lock', () => sql`insert into operation_locks values (${newId()}, 'environment/1', 'shared')`, 'operation_locks_operation_id_operations_id_fk'],
    [
      'a step',
      () => sql`insert into operation_steps (operation_id, "order", name, status, script) values (${newId()}, 1, 'build', 'running', '')`,
      'operation_steps_operation_id_operations_id_fk',
    ],
    [
      'a placement',
      () => sql`insert into service_placements (service_id, server_id) values (${our.service}, ${newId()})`,
      'service_placements_server_id_servers_id_fk',
    ],
    ['a membership', () => sql`insert into memberships (organisation_id, user_id, role) values (${ours}, ${newId()}, 'owner')`, 'memberships_user_id_users_id_fk'],
  ])('by %s', async (_, statement, constraint) => {
    await refused(statement(), constraint)
  })

  test('and cannot be deleted while it is named', async () => {
    await refused(sql`delete from organisations where id = ${ours}`, expect.stringContaining('organisation_id_organisations_id_fk'))
  })
})

describe('operations', () => {
  const change = (assignment: string) => sql.unsafe(`update operations set ${assignment} where id = '${our.operation}'`)

  test.each([
    ["kind = 'environment_dance'", 'operations_kind'],
    ["status = 'stuck'", 'operations_status'],
    ["target_type = 'planet'", 'operations_target_type'],
    ["hash = 'ABCDEF012345'", 'operations_hash'],
    ["hash = 'abc'", 'operations_hash'],
    ["status = 'succeeded'", 'operations_finished'],
    ['finished_at = now()', 'operations_finished'],
    ["status = 'failed', finished_at = now()", 'operations_failed_says_why'],
  ])('cannot become: %s', async (assignment, constraint) => {
    await refused(change(assignment), constraint)
  })

  test('have hashes of their own, since these name units and folders on servers', async () => {
    const { hash } = await operation(db)
    await refused(change(`hash = '${hash}'`), 'operations_hash_unique')
  })

  test('have one unfinished recovery at most', async () => {
    const recovery = { kind: 'operation_recover', targetType: 'operation', targetId: our.operation, organisationId: ours } as const
    const first = await operation(db, { ...recovery, status: 'pending' })
    const [second] = await sql`select id from operations where id = ${(await operation(db, { ...recovery, targetId: newId() })).id}`
    await refused(sql`update operations set target_id = ${our.operation} where id = ${second!.id}`, 'operations_one_recovery')
    await sql`update operations set status = 'cancelled', finished_at = now() where id = ${first.id}`
    await sql`update operations set target_id = ${our.operation} where id = ${second!.id}`
  })

  test('hold a key once and in a known mode', async () => {
    const lock = (mode: string) => sql`insert into operation_locks values (${our.operation}, 'environment/1', ${mode})`
    await refused(lock('greedy'), 'operation_locks_mode')
    await lock('shared')
    await refused(lock('exclusive'), 'operation_locks_operation_id_key_pk')
  })

  test('get their number from the database alone', async () => {
    await expect(change('sequence = 1')).rejects.toMatchObject({ code: '428C9' })
  })
})

describe('steps and their output', async () => {
  const step = (order: number, status = 'running', user = 'keystone') => sql`
    insert into operation_steps (operation_id, "order", name, status, script, "user")
    values (${our.operation}, ${order}, 'build', ${status}, '', ${user}) returning id`
  const [stored] = await step(1)
  const chunk = (offset: number, length: number, stream = 'out') => sql`
    insert into operation_log_chunks (step_id, run, stream, raw_offset, raw_length, bytes) values (${stored!.id}, 1, ${stream}, ${offset}, ${length}, '')`

  test('have one place, one state and one user each that are known', async () => {
    await refused(step(1), 'operation_steps_order')
    await refused(step(2, 'asleep'), 'operation_steps_status')
    await refused(step(2, 'running', 'nobody'), 'operation_steps_user')
  })

  test('cover raw bytes once, and more than none', async () => {
    await chunk(0, 10)
    await refused(chunk(0, 5), 'operation_log_chunks_step_id_run_stream_raw_offset_pk')
    await refused(chunk(10, 0), 'operation_log_chunks_range')
    await refused(chunk(-1, 1), 'operation_log_chunks_range')
    await refused(chunk(10, 1, 'in'), 'operation_log_chunks_stream')
  })
})

describe('servers', () => {
  const change = (assignment: string) => sql.unsafe(`update servers set ${assignment} where id = '${our.server}'`)

  test.each([
    ["name = 'Web 1'", 'servers_name_label'],
    ["name = '-web'", 'servers_name_label'],
    [`name = '${'a'.repeat(64)}'`, 'servers_name_label'],
    ["status = 'asleep'", 'servers_status'],
    ["architecture = 'riscv'", 'servers_architecture'],
    ['ssh_port = 0', 'servers_ssh_port'],
    ['ssh_port = 65536', 'servers_ssh_port'],
    ["status = 'active'", 'servers_active_is_known'],
    ["status = 'active', host_key = 'ssh-ed25519 AAAA'", 'servers_active_is_known'],
  ])('cannot become: %s', async (assignment, constraint) => {
    await refused(change(assignment), constraint)
  })

  test('have a name and an address of their own in their organisation, until they are removed', async () => {
    const other = await server(db, ours, { name: 'taken', address: 'taken.example' })
    await refused(change("name = 'taken'"), 'servers_name')
    await refused(change("address = 'taken.example'"), 'servers_address')
    await server(db, theirs, { name: 'taken', address: 'taken.example' })
    await sql`update servers set status = 'removed' where id = ${other}`
    await change("name = 'taken', address = 'taken.example'")
  })
})

describe('services', () => {
  const change = (assignment: string) => sql.unsafe(`update services set ${assignment} where id = '${our.service}'`)

  test.each([
    ["name = 'Data'", 'services_name_label'],
    ["category = 'spaceship'", 'services_category'],
    ["driver_name = 'mysql'", 'services_driver'],
    ["status = 'asleep'", 'services_status'],
    ["deploy_policy = 'never'", 'services_deploy_policy'],
    ["update_status = 'old'", 'services_update_status'],
    ['desired_replicas = -1', 'services_replicas'],
    ['default_cpu_limit = 0', 'services_cpu'],
    ['default_memory_limit_mb = 5', 'services_memory'],
    ["category = 'gateway'", 'services_gateway'],
    [`gateway_server_id = '${our.server}'`, 'services_gateway'],
  ])('cannot become: %s', async (assignment, constraint) => {
    await refused(change(assignment), constraint)
  })

  test('one gateway at most is on a server, until it is removed', async () => {
    const serverId = await server(db, ours)
    const first = await gateway(db, ours, serverId)
    await expect(gateway(db, ours, serverId)).rejects.toMatchObject({ cause: { constraint_name: 'services_one_gateway' } })
    await sql`update services set status = 'removed' where id = ${first}`
    await gateway(db, ours, serverId)
  })

  test('have a name of their own in their environment, and standalone ones in their organisation', async () => {
    const environmentId = await environment(db, ours)
    const named = { name: 'main' }
    await service(db, ours, named)
    await service(db, ours, { ...named, environmentId })
    await service(db, theirs, named)
    await expect(service(db, ours, named)).rejects.toMatchObject({ cause: { constraint_name: 'services_name_standalone' } })
    const again = service(db, ours, { ...named, environmentId })
    await expect(again).rejects.toMatchObject({ cause: { constraint_name: 'services_name_in_environment' } })
  })

  test('are placed on a server once, with at least one replica', async () => {
    const place = (count: number) => sql`insert into service_placements values (${our.service}, ${our.server}, ${count})`
    await refused(place(0), 'service_placements_count')
    await place(2)
    await refused(place(1), 'service_placements_service_id_server_id_pk')
  })
})

describe('replicas', async () => {
  const on = { serviceId: our.service, serverId: our.server }
  const id = await replica(db, { ...on, hostPort: 20_000 })
  const change = (assignment: string) => sql.unsafe(`update service_replicas set ${assignment} where id = '${id}'`)

  test.each([
    ["role = 'idle'", 'service_replicas_role'],
    ["status = 'asleep'", 'service_replicas_status'],
    ["health_status = 'fine'", 'service_replicas_health'],
    ["traffic = 'some'", 'service_replicas_traffic'],
    ['internal_port = 0', 'service_replicas_ports'],
    ['host_port = 70000', 'service_replicas_ports'],
    ["traffic = 'serving', status = 'starting'", 'service_replicas_traffic_needs_container'],
    ["traffic = 'draining', status = 'removed'", 'service_replicas_traffic_needs_container'],
  ])('cannot become: %s', async (assignment, constraint) => {
    await refused(change(assignment), constraint)
  })

  test('have a port and a container name of their own on their server, until they are removed', async () => {
    const other = await replica(db, { ...on, hostPort: 20_001, containerName: 'taken' })
    await refused(change('host_port = 20001'), 'service_replicas_host_port')
    await refused(change("container_name = 'taken'"), 'service_replicas_container_name')
    await replica(db, { ...on, serverId: await server(db, ours), hostPort: 20_001, containerName: 'taken' })
    await sql`update service_replicas set status = 'removed' where id = ${other}`
    await change("host_port = 20001, container_name = 'taken'")
  })
})

describe('slices and attachments', () => {
  test('a route has a domain and an environment, a domain is routed once on a gateway', async () => {
    const serviceId = await gateway(db, ours, await server(db, ours))
    const route = (domain: string | null, environmentId: typeof our.environment | null = our.environment) =>
      slice(db, serviceId, { type: 'route', domain, environmentId })
    await expect(route(null)).rejects.toMatchObject({ cause: { constraint_name: 'service_slices_route' } })
    await expect(route('shop.example', null)).rejects.toMatchObject({ cause: { constraint_name: 'service_slices_route' } })
    const first = await route('shop.example')
    await expect(route('SHOP.example')).rejects.toMatchObject({ cause: { constraint_name: 'service_slices_domain' } })
    await sql`update service_slices set status = 'removed' where id = ${first}`
    await route('SHOP.example')
  })

  test('a slice has a name of its own in its service, a known type and a known state', async () => {
    const id = await slice(db, our.service, { name: 'one' })
    await expect(slice(db, our.service, { name: 'one' })).rejects.toMatchObject({ cause: { constraint_name: 'service_slices_name' } })
    await refused(sql`update service_slices set type = 'pizza' where id = ${id}`, 'service_slices_type')
    await refused(sql`update service_slices set status = 'eaten' where id = ${id}`, 'service_slices_status')
  })

  test('an environment has one primary database, attached once, under a prefix that is a variable name', async () => {
    const [one, two] = [await slice(db, our.service), await slice(db, our.service)]
    const attach = (sliceId: string, { isPrimary = true, prefix = null as string | null, role = 'database' } = {}) => sql`
      insert into environment_attachments (environment_id, service_id, service_slice_id, role, is_primary, env_prefix)
      values (${our.environment}, ${our.service}, ${sliceId}, ${role}, ${isPrimary}, ${prefix})`
    await attach(one)
    await refused(attach(two), 'environment_attachments_primary')
    await refused(attach(one, { isPrimary: false }), 'environment_attachments_slice')
    await refused(attach(two, { isPrimary: false, prefix: 'second-' }), 'environment_attachments_prefix')
    await refused(attach(two, { isPrimary: false, role: 'toy' }), 'environment_attachments_role')
    await attach(two, { isPrimary: false, prefix: 'SECOND' })
  })

  test('an endpoint is one address', async () => {
    const endpoint = (scope: string) => sql`
      insert into service_endpoints (service_id, scope, hostname, port, priority) values (${our.service}, ${scope}, 'data', 5432, 1)`
    await endpoint('docker_network')
    await refused(endpoint('docker_network'), 'service_endpoints_where')
    await refused(endpoint('moon'), 'service_endpoints_scope')
  })

  test('a revision of a gateway is taken once and above none, and once for each phase of an operation', async () => {
    const gatewayId = await gateway(db, ours, await server(db, ours))
    const revision = (number: number, phase: string) => sql`
      insert into gateway_revisions (gateway_id, revision, text, operation_id, phase, own_sections)
      values (${gatewayId}, ${number}, '', ${our.operation}, ${phase}, '{}')`
    await refused(revision(0, 'switch'), 'gateway_revisions_revision')
    await revision(1, 'switch')
    await refused(revision(1, 'previous'), 'gateway_revisions_gateway_id_revision_pk')
    await refused(revision(2, 'switch'), 'gateway_revisions_phase')
  })
})

describe('applications, environments, artifacts and releases', () => {
  test('names are labels and taken once; a removed environment gives its name back', async () => {
    const [{ application_id: applicationId }] = (await sql`select application_id from environments where id = ${our.environment}`) as [{ application_id: string }]
    const add = (name: string) => sql`
      insert into environments (organisation_id, application_id, name, branch) values (${ours}, ${applicationId}, ${name}, 'main') returning id`
    await refused(add('production'), 'environments_name')
    await refused(add('pro duction'), 'environments_name_label')
    const [staging] = await add('staging')
    await refused(sql`update environments set status = 'asleep' where id = ${staging!.id}`, 'environments_status')
    await refused(sql`update environments set scheduler_mode = 'twice' where id = ${staging!.id}`, 'environments_scheduler_mode')
    await sql`update environments set status = 'removed' where id = ${staging!.id}`
    await add('staging')
  })

  test('a variable is there once for each source, under a name that a shell takes', async () => {
    const add = (key: string, source: string) => sql`
      insert into environment_variables (environment_id, key, value, source) values (${our.environment}, ${key}, '-', ${source})`
    await add('APP_KEY', 'user')
    await add('APP_KEY', 'system')
    await refused(add('APP_KEY', 'user'), 'environment_variables_key')
    await refused(add('1_KEY', 'user'), 'environment_variables_key_name')
    await refused(add('APP_URL', 'thin_air'), 'environment_variables_source')
  })

  test('an artifact is available with a digest only, a local one with its server, and is built once for each key', async () => {
    const id = await artifact(db, our.environment, our.operation)
    const change = (assignment: string) => sql.unsafe(`update build_artifacts set ${assignment} where id = '${id}'`)
    await refused(change("status = 'available'"), 'build_artifacts_digest')
    await refused(change("status = 'available', image_digest = 'sha256:0', digest_kind = 'image_id'"), 'build_artifacts_local')
    await refused(change("digest_kind = 'guess'"), 'build_artifacts_digest_kind')
    await refused(change("status = 'lost'"), 'build_artifacts_status')
    await refused(change("commit_sha = 'main'"), 'build_artifacts_commit')
    const other = await artifact(db, our.environment, our.operation)
    await refused(sql`update build_artifacts set key = (select key from build_artifacts where id = ${id}) where id = ${other}`, 'build_artifacts_key')
    await change("status = 'failed'")
    await sql`update build_artifacts set key = (select key from build_artifacts where id = ${id}) where id = ${other}`
  })

  test('an environment has one successful release, each operation makes one, numbers count', async () => {
    const environmentId = await environment(db, ours)
    const makers = [await operation(db, { organisationId: ours }), await operation(db, { organisationId: ours })]
    const artifactId = await artifact(db, environmentId, makers[0]!.id)
    const release = (number: number, maker: number, status: string) => sql`
      insert into releases (environment_id, number, operation_id, commit_sha, artifact_id, status, services, variable_versions, trigger)
      values (${environmentId}, ${number}, ${makers[maker]!.id}, ${'a'.repeat(40)}, ${artifactId}, ${status}, '{}', '{}', '{}')`
    await release(1, 0, 'successful')
    await refused(release(2, 1, 'successful'), 'releases_one_successful')
    await refused(release(1, 1, 'obsolete'), 'releases_number')
    await refused(release(2, 0, 'obsolete'), 'releases_operation_id_unique')
    await refused(release(2, 1, 'nice'), 'releases_status')
    await release(2, 1, 'obsolete')
    await refused(sql`update releases set artifact_id = null where operation_id = ${makers[1]!.id}`, 'releases_has_artifact')
    await refused(sql`update releases set pruned_at = now() where operation_id = ${makers[0]!.id}`, 'releases_live_is_kept')
    await refused(sql`update releases set commit_sha = 'main' where operation_id = ${makers[0]!.id}`, 'releases_commit')
    for (const retention of [0, 51]) await refused(sql`update environments set release_retention = ${retention} where id = ${environmentId}`, 'environments_release_retention')
  })

  test('a rollback names a release of its own environment', async () => {
    const [here, elsewhere] = [await environment(db, ours), await environment(db, ours)]
    const [{ id }, { id: foreign }] = [await release(db, here), await release(db, elsewhere)]
    await refused(sql`update releases set rolled_back_to_id = ${foreign} where id = ${id}`, 'releases_rolled_back_to_fk')
  })
})

describe('people', () => {
  test('are known by their e-mail address whatever its case, organisations by their name', async () => {
    await sql`insert into users (email, name) values ('ada@example.org', 'Ada')`
    await refused(sql`insert into users (email, name) values ('Ada@Example.org', 'Ada')`, 'users_email')
    await sql`insert into organisations (name) values ('Lovelace')`
    await refused(sql`insert into organisations (name) values ('lovelace')`, 'organisations_name')
  })

  test('have a role that is known, and tokens that are nobody else’s', async () => {
    const [{ id }] = (await sql`insert into users (email, name) values ('bob@example.org', 'Bob') returning id`) as [{ id: string }]
    await refused(sql`insert into memberships (organisation_id, user_id, role) values (${ours}, ${id}, 'king')`, 'memberships_role')
    const token = () => sql`insert into api_tokens (user_id, name, prefix, hash) values (${id}, 'one', 'ks_', 'same')`
    await token()
    await refused(token(), 'api_tokens_hash_unique')
  })

  test('get one answer for one key', async () => {
    const answer = () => sql`insert into idempotency_keys (organisation_id, key, request_hash, status, body) values (${ours}, 'one', '-', 201, '{}')`
    await answer()
    await refused(answer(), 'idempotency_keys_organisation_id_key_pk')
  })
})
