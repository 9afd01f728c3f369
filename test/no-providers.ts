import { createProviders } from '../drivers/providers/registry.ts'

/** An address that nobody can be asked at. */
export const nowhere = 'http://127.0.0.1:1/v1'

/** For tests that buy nothing. */
export const noProviders = createProviders({ hetzner: { endpoint: nowhere } })
