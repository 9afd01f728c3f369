/** What people see of something that is done to a server. */
export const told = (what: string, { name }: { name: string }) => ({ summary: `${what} ${name}` })
