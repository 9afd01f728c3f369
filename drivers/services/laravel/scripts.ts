import type { RemoteFile } from '../../ssh/remote.ts'
import type { Project } from '../replica.ts'
import { textBeside } from '../scripts.ts'

/**
 * What Keystone brings into every container of an application. It is mounted and not part of the image, so that one that was made
 * elsewhere needs nothing of Keystone's; `entrypoint.d` is run by the images of serversideup/php.
 */
const scripts = [
  { name: 'keystone-health', folder: '/usr/local/bin', content: textBeside(import.meta.url, 'health.sh') },
  { name: 'keystone-scheduler', folder: '/usr/local/bin', content: textBeside(import.meta.url, 'scheduler.sh') },
  { name: 'keystone-workers', folder: '/usr/local/bin', content: textBeside(import.meta.url, 'workers.sh') },
  { name: '90-keystone-warm.sh', folder: '/etc/entrypoint.d', content: textBeside(import.meta.url, 'warm.sh') },
] as const

/** In the project's folder. */
const scriptFolder = 'scripts'

/** For the container's own user, who is not Keystone's, to run. */
export const scriptFiles = ({ folder }: Project): RemoteFile[] =>
  scripts.map(({ name, content }) => ({ path: `${folder}/${scriptFolder}/${name}`, content, mode: 0o755 }))

export const scriptMounts: readonly string[] = scripts.map(({ name, folder }) => `./${scriptFolder}/${name}:${folder}/${name}:ro`)
