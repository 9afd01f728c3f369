import { buildCommand } from '@stricli/core'
import { type CliContext, type CommonFlags, commonFlags } from '../context.ts'
import { connect, logIn } from '../session.ts'
import { readSettings, settingsPath, storeSettings } from '../settings.ts'

interface LoginFlags extends CommonFlags {
  url?: string
  email?: string
  token: boolean
}

export const login = buildCommand({
  docs: {
    brief: 'Log in, by e-mail and password or with a token',
    fullDescription: 'Password and token are asked for, or read as a line from standard input; they never stand in the command.',
  },
  parameters: {
    flags: {
      ...commonFlags,
      url: { kind: 'parsed', parse: String, optional: true, brief: 'Where Keystone is', placeholder: 'url' },
      email: { kind: 'parsed', parse: String, optional: true, brief: 'Your e-mail address', placeholder: 'address' },
      token: { kind: 'boolean', brief: 'Log in with a token, which does not end after twelve hours as a session does', default: false },
    },
  },
  async func(this: CliContext, flags: LoginFlags) {
    const { url: current } = await readSettings(this.env)
    const url = flags.url ?? current
    const asked: CliContext = { ...this, env: { ...this.env, KEYSTONE_URL: url, KEYSTONE_TOKEN: '' } }
    const token = flags.token ? await this.terminal.ask('Token: ', { isSecret: true }) : await sessionToken(asked, flags)
    const session = await logIn({ ...asked, env: { ...asked.env, KEYSTONE_TOKEN: token } }, flags)
    const who = await session.ask(session.client.user.$get())
    const [only, ...others] = who.organisations
    await storeSettings(this.env, { url: session.settings.url, token, organisation: only && others.length === 0 ? only.id : null })
    const name = who.user?.email ?? only?.name ?? 'an organisation'
    session.show(who, () => `Logged in to ${session.settings.url} as ${name}; ${settingsPath(this.env)} has the token.\n`)
  },
})

async function sessionToken(context: CliContext, flags: LoginFlags): Promise<string> {
  const email = flags.email ?? (await context.terminal.ask('E-mail: '))
  const password = await context.terminal.ask('Password: ', { isSecret: true })
  const { client, ask } = await connect(context, flags)
  const { token } = await ask(client.session.login.$post({ json: { email, password } }))
  return token
}

export const logout = buildCommand({
  docs: { brief: 'Revoke the token that you are logged in with, and forget it' },
  parameters: { flags: commonFlags },
  async func(this: CliContext, flags: CommonFlags) {
    const session = await logIn(this, flags)
    const ended = await session.ask(session.client.session.user.logout.$post())
    if (!this.env.KEYSTONE_TOKEN) await storeSettings(this.env, { ...session.settings, token: null })
    session.show(ended, () => 'Logged out.\n')
  },
})

export const whoami = buildCommand({
  docs: { brief: 'Whom you are logged in as, and where you may do what' },
  parameters: { flags: commonFlags },
  async func(this: CliContext, flags: CommonFlags) {
    const { settings, client, ask, show } = await logIn(this, flags)
    show(await ask(client.user.$get()), ({ user, organisations }) =>
      [`${user?.email ?? 'A token of an organisation'} at ${settings.url}`, ...organisations.map(({ name, role }) => `  ${role} of ${name}`), ''].join('\n'),
    )
  },
})
