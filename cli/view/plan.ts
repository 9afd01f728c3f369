import type { Plan } from '../client.ts'

/** What a deployment would do, in its order. */
export function planText(plan: Plan): string {
  if (plan.isUnchanged) return 'Nothing would be done.\n'
  return [
    imageLine(plan),
    ...(plan.migration ? [`migrate  ${plan.migration.command} on ${plan.migration.serverName}`] : []),
    ...plan.services.map(({ name, reason, starts }) => `deploy   ${name} on ${starts.map(({ serverName }) => serverName).join(', ')}: ${reason}`),
    ...plan.gateways.map(({ serverName }) => `switch   traffic on ${serverName}`),
    ...plan.commands.map(({ command, timing, serverName }) => `run      ${command} on ${serverName} (${timing})`),
    ...plan.scheduler.map(({ serviceName, serverName }) => `move     scheduler to ${serviceName} on ${serverName}`),
    ...plan.kept.map(({ name, because }) => `keep     ${name}${because === null ? '' : ` (${because})`}`),
    ...variableLines(plan),
    ...plan.warnings.map(({ message, hint }) => `warning  ${message}${hint === null ? '' : ` ${hint}`}`),
    '',
  ].join('\n')
}

function imageLine({ image, commit }: Plan): string {
  const of = commit === null ? '' : ` of ${commit.slice(0, 7)}`
  if (image.build) return `build    image${of} on ${image.build.serverName}`
  return `image    ${image.reference ?? 'of the live release'}${of}`
}

function variableLines({ variables: { set, removed } }: Plan): string[] {
  return [...(set.length > 0 ? [`set      ${set.join(', ')}`] : []), ...(removed.length > 0 ? [`remove   ${removed.join(', ')}`] : [])]
}
