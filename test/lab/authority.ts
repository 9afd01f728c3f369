import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { locked } from './lock.ts'
import { run } from './run.ts'
import { stateFolder } from './settings.ts'

const folder = join(stateFolder, 'authority')
const authority = { certificate: join(folder, 'ca.crt'), key: join(folder, 'ca.key') }
const newKey = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650']

/** The file with the certificate (PEM) of the authority that servers of all labs of this machine trust; made when first asked for. */
export async function authorityFile(): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await locked('authority', async () => {
    if (existsSync(authority.certificate)) return
    await run(['openssl', 'req', ...newKey, '-subj', '/CN=Keystone lab', '-keyout', authority.key, '-out', authority.certificate])
  })
  return authority.certificate
}

/** What is in `authorityFile`. */
export const authorityCertificate = async (): Promise<string> => readFile(await authorityFile(), 'utf8')

/** A folder with `tls.crt` and `tls.key` for an address, signed by the authority. */
export async function certificateFolder(address: string): Promise<string> {
  await authorityFile()
  const certificates = join(folder, address)
  await mkdir(certificates, { recursive: true })
  const [certificate, key] = [join(certificates, 'tls.crt'), join(certificates, 'tls.key')]
  const signer = ['-CA', authority.certificate, '-CAkey', authority.key]
  const extensions = ['-addext', `subjectAltName=IP:${address}`, '-addext', 'basicConstraints=critical,CA:FALSE']
  await locked('authority', async () => {
    if (existsSync(certificate)) return
    const files = ['-keyout', key, '-out', certificate]
    await run(['openssl', 'req', ...newKey, ...signer, ...extensions, '-subj', `/CN=${address}`, ...files])
  })
  return certificates
}
