import type { Sql } from '../../db/connect.ts'

/** Whatever the rows say is under way or has not come to its end, a line each; nothing where every operation has. */
export async function unfinishedRows(sql: Sql): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select 'operation ' || kind || ' is ' || status as line from operations
      where status in ('queued', 'pending', 'running', 'recovering') or needs_convergence
    union all select 'step ' || name || ' is running' from operation_steps where status = 'running'
    union all select 'replica ' || container_name || ' is ' || status || ' with traffic ' || traffic from service_replicas
      where status in ('starting', 'stopping', 'failed') or traffic in ('draining', 'away')
    union all select 'service ' || name || ' is ' || status from services where status in ('deploying', 'failed', 'removing')
    union all select 'slice ' || name || ' is ' || status from service_slices where status in ('new', 'failed', 'removing')
    union all select 'environment ' || name || ' is ' || status from environments where status = 'removing'
    union all select 'server ' || name || ' is ' || status from servers where status not in ('active', 'removed') or needs_convergence
    union all select 'firewall revision ' || revision || ' is not applied' from server_firewalls where applied < revision
    union all select 'release ' || number || ' is ' || status from releases where status in ('preparing', 'in_progress')
    union all select 'image ' || key || ' is building' from build_artifacts where status = 'building'
    union all select 'a rotation is ' || stage from credential_rotations
    union all select 'a rotation of a server''s key is ' || stage from server_key_rotations
    union all select 'a build waits or runs' from builds`
  return rows.map(({ line }) => line)
}
