/** What a bare server goes through, by the names of the steps. */
export const provisioningSteps = [
  ...['await system', 'create user', 'install packages', 'find Docker', 'install Docker', 'ban attackers', 'keep up to date'],
  ...['apply firewall', 'close access', 'prove access', 'verify server'],
]
