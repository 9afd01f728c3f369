import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ensureDocker, openLab, type Lab, type LabServer } from './index.ts'
import {
  compareFingerprints,
  dockerConfigs,
  dockerEvents,
  findRepeated,
  migrationsRan,
  recordDockerEvents,
  scanForSecrets,
  serverFiles,
  serverFingerprint,
  serverJournal,
  serverProcesses,
  sqlInPostgres,
  unitRuns,
  unitStarts,
} from './instruments/index.ts'

let lab: Lab
let server: LabServer

beforeAll(async () => {
  await ensureDocker({ log: console.log })
  lab = await openLab({ name: 'instruments', subnet: 79, log: console.log })
  server = await lab.server('s1', { preinstalled: true })
  await bash('id -u keystone || useradd --create-home keystone; docker pull --quiet postgres:18')
})

afterAll(async () => lab?.down())

/** Plants something: a script as root, whose stdin keeps it out of command lines. */
const bash = (script: string) => server.exec(['bash', '-euo', 'pipefail'], { input: script })

describe('serverFingerprint', () => {
  const unit = 'keystone-00000000000f-01'
  const listen = 'setsid nc -lk 4444 >/dev/null 2>&1 <&- & until ss -Hltn | grep --quiet :4444; do :; done'
  const ban = 'nft add table inet left; nft add set inet left banned "{ type ipv4_addr; elements = { 10.9.8.7 }; }"'
  const plantings = [
    { plant: 'docker create --name left postgres:18', remove: 'docker rm --volumes left', line: /^\+ container left: created/m },
    { plant: 'docker network create left', remove: 'docker network rm left', line: /^\+ network left: bridge/m },
    {
      plant: 'docker tag postgres:18 keystone/left:1',
      remove: 'docker rmi keystone/left:1',
      line: /^\+ image keystone\/left:1/m,
    },
    { plant: 'docker volume create left', remove: 'docker volume rm left', line: /^\+ volume left: local/m },
    {
      plant: 'echo x >/home/keystone/left',
      remove: 'rm /home/keystone/left',
      line: /^\+ file \/home\/keystone\/left: -rw-r--r-- root:root \w{64}$/m,
    },
    { plant: 'chmod 600 /etc/issue', remove: 'chmod 644 /etc/issue', line: /^~ file \/etc\/issue: -rw-r--r-- .* → -rw-----/m },
    { plant: 'sed -i s/^/#/ /etc/motd', remove: 'sed -i s/^#// /etc/motd', line: /^~ file \/etc\/motd: \S+ root:root \w+ → /m },
    { plant: 'ln -s /etc/motd /etc/left', remove: 'rm /etc/left', line: /^\+ file \/etc\/left: l\S+ root:root \/etc\/motd/m },
    { plant: 'touch /usr/local/bin/left', remove: 'rm /usr/local/bin/left', line: /^\+ file \/usr\/local\/bin\/left: /m },
    { plant: 'mkdir -p /run/keystone/left', remove: 'rm -r /run/keystone', line: /^\+ file \/run\/keystone\/left: drwx/m },
    { plant: 'touch /dev/shm/left', remove: 'rm /dev/shm/left', line: /^\+ file \/dev\/shm\/left: /m },
    {
      plant: `systemd-run --quiet --unit ${unit} sleep 999`,
      remove: `systemctl stop ${unit}`,
      line: /^\+ unit \S+-01\.service: active/m,
    },
    {
      plant: 'setsid sleep 998 >/dev/null 2>&1 <&- &',
      remove: "kill $(pgrep -fx 'sleep 998')",
      line: /^\+ process root sleep 998/m,
    },
    { plant: listen, remove: "kill $(pgrep -fx 'nc -lk 4444')", line: /^\+ listening tcp \S+:4444/m },
    {
      plant: 'iptables -A INPUT -s 10.9.8.7 -j DROP',
      remove: 'iptables -D INPUT -s 10.9.8.7 -j DROP',
      line: /^\+ firewall \S+ filter -A INPUT -s 10\.9\.8\.7/m,
    },
    { plant: ban, remove: 'nft delete table inet left', line: /^\+ firewall nft inet left banned elements = \{ 10\.9\.8\.7 \}/m },
  ]

  it('reports each thing planted on a server, and nothing of a server left alone', async () => {
    const before = await serverFingerprint(server)
    expect(compareFingerprints(before, await serverFingerprint(server))).toEqual([])
    await bash(plantings.map(({ plant }) => plant).join('\n'))
    const report = compareFingerprints(before, await serverFingerprint(server)).join('\n')
    for (const { line } of plantings) expect(report).toMatch(line)
    await bash(plantings.map(({ remove }) => remove).join('\n'))
    expect(compareFingerprints(before, await serverFingerprint(server))).toEqual([])
  })

  it('finds the same server after a reboot', async () => {
    await bash('docker run --detach --name web --restart unless-stopped --publish 8123:80 postgres:18 sleep infinity')
    const before = await serverFingerprint(server)
    await server.reboot()
    await bash('until docker inspect --format "{{.State.Status}}" web | grep --quiet running; do :; done')
    expect(compareFingerprints(before, await serverFingerprint(server))).toEqual([])
    await bash('docker rm --force web')
  })

  it('allows what the reviewed list says, and nothing like it', () => {
    const left = {
      'file /home/keystone/operations/0a1b/10-build/out.1': '-rw------- keystone:keystone',
      'image caddy:2': 'sha256:1',
      'volume keystone_service_1_data': 'local',
      'file /home/keystone/operationsx': '-rw-------',
      'image keystone/app:1': 'sha256:2',
      'volume other': 'local',
    }
    expect(compareFingerprints({}, left)).toEqual([
      '+ file /home/keystone/operationsx: -rw-------',
      '+ image keystone/app:1: sha256:2',
      '+ volume other: local',
    ])
    expect(compareFingerprints(left, {}).filter((line) => line.includes('operations/'))).toHaveLength(1)
  })
})

describe('scanForSecrets', () => {
  it('finds it in the files of a server, but for those that only keystone, root or a container reads', async () => {
    const value = 'QT7-planted-in-files-QT7'
    await bash(`
      plant() { mkdir -p "$(dirname "$1")"; printf 'PASSWORD=%s' ${value} >"$1"; chmod "$2" "$1"; chown "$3" "$1"; }
      plant /home/keystone/services/1/.env 600 keystone
      plant /root/private 400 root
      plant /home/keystone/services/1/compose.yml 640 keystone
      plant /run/keystone/1/key 600 nobody
      plant /home/keystone/operations/1/out.1 600 keystone
      plant '/tmp/with a space' 644 root
      export DOCKER_BUILDKIT=0
      printf 'FROM postgres:18\\nRUN echo ${value} >/baked && chmod 600 /baked' | docker build --quiet --tag keystone/baked -
      docker run --name holder --volume kept:/kept --entrypoint sh postgres:18 -c '
        umask 077; echo ${value} | tee /kept/x /closed; umask 022; echo ${value} >/open'`)
    const found = await scanForSecrets({ secrets: { value }, places: [serverFiles(server)] })
    await bash(`docker rm holder; docker rmi keystone/baked; docker volume rm kept
      rm -r /home/keystone/services /root/private /run/keystone /home/keystone/operations '/tmp/with a space'`)
    const inDocker = /\/var\/lib\/docker\/(overlay2|containers)\/\w+\/\S*?(\/\w+|log) /
    const places = found.map(({ place }) => place.replace(inDocker, 'docker:$1:$2 ')).toSorted()
    expect([...new Set(places)]).toEqual([
      '/home/keystone/operations/1/out.1 on instruments-s1 (600 keystone)',
      '/home/keystone/services/1/compose.yml on instruments-s1 (640 keystone)',
      '/run/keystone/1/key on instruments-s1 (600 nobody)',
      '/tmp/with a space on instruments-s1 (644 root)',
      'docker:containers:log on instruments-s1 (640 root)',
      'docker:overlay2:/baked on instruments-s1 (600 root)',
      'docker:overlay2:/open on instruments-s1 (644 root)',
      ...places.filter((place) => place.includes('/image/')),
    ].toSorted())
  })

  it('finds it in how images and containers were made, in processes and in the journal', async () => {
    const value = 'QT8-planted-in-configs-QT8'
    await bash(`
      export DOCKER_BUILDKIT=0
      printf 'FROM postgres:18\\nARG token\\nRUN true' | docker build --quiet --build-arg token=${value} --tag keystone/history -
      printf 'FROM postgres:18\\nENV token=${value}' | docker build --quiet --tag keystone/config -
      docker create --name label --label token=${value} postgres:18
      docker create --name environment --env token=${value} postgres:18
      echo ${value} | systemd-cat
      systemd-run --quiet --unit keystone-0-2 bash -c 'sleep 999; : ${value}'`)
    const places = [dockerConfigs(server), serverProcesses(server), serverJournal(server)]
    const found = await scanForSecrets({ secrets: { value }, places })
    await bash('systemctl stop keystone-0-2; docker rm label environment; docker rmi keystone/history keystone/config')
    expect(new Set(found.map(({ place }) => place.replace(/ \(.*/, '')))).toEqual(
      new Set([
        'history of image keystone/history:latest',
        'image keystone/config:latest',
        'history of image keystone/config:latest',
        'container label',
        'processes of instruments-s1',
        'journal of instruments-s1',
      ]),
    )
  })
})

describe('effects, counted on the server', () => {
  it('tells each start of a unit, how it ended, and which was started again after its end', async () => {
    await bash(`
      step() { systemd-run --quiet --collect --service-type exec --unit "$1" --description "keystone 0a1b2c3d4e5f $2" "\${@:3}"; }
      gone() { until ! systemctl is-active --quiet "$1"; do :; done; }
      step keystone-0a1b2c3d4e5f-10 10-once true; gone keystone-0a1b2c3d4e5f-10
      for _ in 1 2; do step keystone-0a1b2c3d4e5f-20 20-twice true; gone keystone-0a1b2c3d4e5f-20; done
      step keystone-0a1b2c3d4e5f-30 30-stopped sleep 999; systemctl stop keystone-0a1b2c3d4e5f-30
      step keystone-0a1b2c3d4e5f-30 30-stopped sleep 0.2; gone keystone-0a1b2c3d4e5f-30
      step keystone-0a1b2c3d4e5f-40 40-killed sleep 999
      systemctl kill --signal KILL keystone-0a1b2c3d4e5f-40; gone keystone-0a1b2c3d4e5f-40
      step keystone-0a1b2c3d4e5f-50 50-running sleep 999`)
    const runs = (await unitRuns(server)).filter(({ unit }) => unit.includes('0a1b2c3d4e5f'))
    expect(runs.map(({ step, end }) => `${step} ${end}`)).toEqual([
      '10-once finished',
      '20-twice finished',
      '20-twice finished',
      '30-stopped stopped',
      '30-stopped finished',
      '40-killed failed',
      '50-running unseen',
    ])
    expect(findRepeated(runs).map(({ unit, isAfterItsEnd }) => [unit, isAfterItsEnd])).toEqual([
      ['keystone-0a1b2c3d4e5f-20', true],
      ['keystone-0a1b2c3d4e5f-30', false],
    ])
    expect((await unitStarts(server)).get('keystone-0a1b2c3d4e5f-20')).toBe(2)
    await bash('systemctl stop keystone-0a1b2c3d4e5f-50')
  })

  it('records what Docker did over a restart of the server, more than it remembers itself', async () => {
    const begunAt = new Date()
    const recording = await recordDockerEvents(server)
    await bash('docker network create first; docker network rm first')
    const first = (await dockerEvents(server, begunAt)).map(({ action, name }) => `${action} ${name}`)
    expect(first).toEqual(['create first', 'destroy first'])
    const tagging = 'http://docker/images/postgres:18/tag?repo=many&tag=[1-300]'
    await bash(`curl --silent --request POST --unix-socket /run/docker.sock '${tagging}'`)
    await expect(dockerEvents(server, begunAt)).rejects.toThrow('has forgotten')
    await server.reboot()
    await bash('docker network create last; docker network rm last')
    const events = (await recording.stop()).map(({ type, action, name }) => `${type} ${action} ${name}`)
    expect(events.filter((event) => event.startsWith('image tag many:'))).toHaveLength(300)
    expect(events.filter((event) => /(first|last)$/.test(event))).toEqual([
      'network create first',
      'network destroy first',
      'network create last',
      'network destroy last',
    ])
    expect(await server.exec(['bash', '-c', 'pgrep -fx "docker events.*" || true'])).toBe('')
  })

  it("reads a database in a container, Laravel's migrations among it", async () => {
    await bash(`docker run --detach --name db --env POSTGRES_PASSWORD=unimportant postgres:18
      until docker exec db psql -h 127.0.0.1 -U postgres -c 'create database shop' 2>/dev/null; do sleep 0.1; done
      docker exec db psql -U postgres shop -c 'create table migrations (id serial, migration text, batch int)' \\
        -c "insert into migrations (migration, batch) values ('create_visits', 1), ('create_visits', 2)"`)
    const database = { container: 'db', database: 'shop' }
    expect(await sqlInPostgres(server, database, 'select count(*) from migrations')).toEqual([{ count: 2 }])
    expect(await migrationsRan(server, database)).toEqual([
      { migration: 'create_visits', batch: 1 },
      { migration: 'create_visits', batch: 2 },
    ])
    await bash('docker rm --force --volumes db')
  })
})
