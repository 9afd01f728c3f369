import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Client } from 'ssh2'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import type { LabServer } from '../lab/index.ts'
import { firstAnswer, type Site } from './live.ts'

/** The same redeploy by a script that a person would write, beside Keystone on the same server: what no orchestration can beat. */
export interface Floor {
  /** Replaces the running generation by the next; seconds until live and until ended. */
  redeploy(): Promise<{ liveSeconds: number; endedSeconds: number }>
  close(): void
}

/** Hardened servers let in nobody as root. */
const user = 'floor'
const folder = `/home/${user}/site`
const port = 8081
const composeFile = z.object({
  services: z.record(z.string(), z.looseObject({ profiles: z.array(z.string()).optional(), volumes: z.array(z.string()).optional() })),
})

const caddyfile = `{
	admin unix//etc/caddy/admin.sock|0222
}
http:// {
	reverse_proxy UPSTREAMS {
		lb_policy least_conn
		lb_try_duration 5s
		lb_try_interval 100ms
	}
}
`

/** Makes the floor from the running web replica: the same image, variables, networks, limits and health check, under its own gateway. */
export async function openFloor(server: LabServer): Promise<Floor> {
  const script = await readFile(join(import.meta.dirname, 'floor.sh'), 'utf8')
  const privateKey = await makeUser(server)
  await placeTemplates(server)
  const ssh = await connect(server, privateKey)
  const site: Site = { address: server.address, port, domain: 'floor' }
  let generation = 0
  return {
    async redeploy() {
      const last = `floor-${generation}`
      generation += 1
      const next = `floor-${generation}`
      const began = performance.now()
      const [live, ended] = await Promise.all([
        firstAnswer(site, next),
        run(ssh, `FOLDER=${folder} LAST=${last} NEXT=${next} bash -s`, script).then(() => performance.now()),
      ])
      return { liveSeconds: (live - began) / 1000, endedSeconds: (ended - began) / 1000 }
    },
    close: () => ssh.end(),
  }
}

/** Somebody who may use Docker; returns the private key. */
async function makeUser(server: LabServer): Promise<string> {
  const make = `useradd --create-home --groups docker ${user}
    runuser --user ${user} -- sh -c 'umask 077; mkdir -p ${folder} ~/.ssh; ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/own; cp ~/.ssh/own.pub ~/.ssh/authorized_keys'
    cat /home/${user}/.ssh/own`
  return server.exec(['bash', '-ec', make])
}

async function placeTemplates(server: LabServer): Promise<void> {
  const find = `docker ps --filter label=keystone.replica --format '{{.Names}} {{.Label "com.docker.compose.project.working_dir"}}' | grep -- -web-`
  const [, project = ''] = (await server.exec(['bash', '-c', find])).trim().split(' ')
  const { services, ...outside } = composeFile.loose().parse(parse(await server.exec(['cat', `${project}/compose.yml`])))
  const web = Object.values(services).find(({ profiles }) => profiles === undefined)
  if (!web) throw new Error(`${project} has no web service`)
  const { labels: _labels, ports: _ports, volumes = [], ...container } = web
  const mounted = { ...container, container_name: 'GENERATION', volumes: volumes.map((volume) => volume.replace(/^\./, folder)) }
  const template = { ...outside, name: 'GENERATION', services: { GENERATION: mounted } }
  const write = (path: string, input: string) => server.exec(['bash', '-c', `mkdir -p $(dirname ${path}) && cat >${path}`], { input })
  await write(`${folder}/template.yml`, stringify(template))
  await write(`${folder}/Caddyfile.template`, caddyfile)
  await server.exec(['bash', '-c', `grep -v ^APP_RELEASE= ${project}/.env >${folder}/template.env && cp -r ${project}/scripts ${folder}/`])
  await server.exec(['chown', '--recursive', `${user}:`, folder])
  await server.exec(['ufw', 'route', 'allow', 'proto', 'tcp', 'to', 'any', 'port', '80'])
  await server.exec(['runuser', '--user', user, '--', 'bash', '-c', firstGeneration])
}

const firstGeneration = `set -e
cd ${folder}
mkdir floor-0
sed s/GENERATION/floor-0/g template.yml >floor-0/compose.yml
{ cat template.env; echo APP_RELEASE=floor-0; } >floor-0/.env
docker compose --env-file /dev/null --project-name floor-0 --file floor-0/compose.yml up --detach --wait
sed s/UPSTREAMS/floor-0:8080/ Caddyfile.template >Caddyfile
image=$(docker inspect --format '{{.Image}}' "$(docker ps --quiet --filter name=gateway | head -n 1)")
docker run --detach --name floor-caddy --network keystone_gateway --publish ${port}:80 --volume ${folder}:/etc/caddy "$image" \\
  caddy run --config /etc/caddy/Caddyfile`

function connect({ address }: LabServer, privateKey: string): Promise<Client> {
  const client = new Client()
  return new Promise((resolve, reject) => {
    client.on('ready', () => resolve(client)).on('error', reject)
    client.connect({ host: address, username: user, privateKey })
  })
}

function run(client: Client, command: string, input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error)
      const said = text(channel.stderr)
      channel.on('close', (code: number) => {
        if (code === 0) resolve()
        else said.then((tail) => reject(new Error(`the floor's script ended with ${code}: ${tail.slice(-500)}`)), reject)
      })
      channel.resume().end(input)
    })
  })
}
