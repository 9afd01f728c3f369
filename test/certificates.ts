import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './lab/run.ts'

/** A certificate as its owner has it, PEM. */
export interface TestCertificate {
  chain: string
  privateKey: string
}

/** An authority of the test's own. */
export interface TestAuthority {
  /** PEM. */
  root: string
  /** Of its own issue, with its root behind it, for these domains. `newKey`: options of `openssl req`. */
  issue(domains: readonly string[], newKey?: readonly string[]): Promise<TestCertificate>
}

const onP256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']

/** Makes an authority whose certificates are valid for 30 days from now on. */
export async function createAuthority(): Promise<TestAuthority> {
  const [key, root] = await inFolder(async (folder) => {
    await run(['openssl', 'req', '-x509', ...onP256, '-nodes', '-days', '30', '-subj', '/CN=Test authority', '-keyout', 'key', '-out', 'crt'], { cwd: folder })
    return read(folder)
  })
  return {
    root,
    issue: (domains, newKey = onP256) =>
      inFolder(async (folder) => {
        const names = domains.map((domain) => `DNS:${domain}`).join(',')
        await Promise.all([
          writeFile(join(folder, 'ca.key'), key),
          writeFile(join(folder, 'ca.crt'), root),
          writeFile(join(folder, 'extensions'), `${names === '' ? '' : `subjectAltName=${names}\n`}basicConstraints=critical,CA:FALSE\n`),
        ])
        await run(['openssl', 'req', '-new', ...newKey, '-nodes', '-subj', '/', '-keyout', 'key', '-out', 'csr'], { cwd: folder })
        const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-extfile', 'extensions']
        await run(['openssl', 'x509', '-req', '-in', 'csr', ...signed, '-out', 'crt'], { cwd: folder })
        const [privateKey, certificate] = await read(folder)
        return { chain: certificate + root, privateKey }
      }),
  }
}

const read = async (folder: string): Promise<[key: string, certificate: string]> => [
  await readFile(join(folder, 'key'), 'utf8'),
  await readFile(join(folder, 'crt'), 'utf8'),
]

async function inFolder<Made>(work: (folder: string) => Promise<Made>): Promise<Made> {
  const folder = await mkdtemp(join(tmpdir(), 'keystone-certificates-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
