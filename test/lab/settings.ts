import { homedir } from 'node:os'
import { join } from 'node:path'

const env = process.env
const stateHome = env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state')

/** The lab's keys, authority and prepared repositories, shared by all labs of this machine. */
export const stateFolder = env.KEYSTONE_LAB_STATE ?? join(stateHome, 'keystone-lab')

/** The lab that the command line speaks of. */
export const commandLineLab = { name: env.KEYSTONE_LAB_NAME ?? 'lab', subnet: Number(env.KEYSTONE_LAB_SUBNET ?? 70) }

/** A Debian archive to build from; null takes the one that this machine itself uses. */
export const debianArchive = env.KEYSTONE_LAB_DEBIAN_ARCHIVE ?? null

/** The Ubuntu archive to build from, its own unless told. */
export const ubuntuArchive = env.KEYSTONE_LAB_UBUNTU_ARCHIVE ?? 'http://archive.ubuntu.com/ubuntu'

/** Go's module proxy, where this machine is told to use another than Go's own. */
export const goProxy = env.GOPROXY ?? null

/** What commands run with: the classic builder, since it needs no plugin and its FROM finds images that are only local. */
export const commandEnvironment = { ...env, PATH: `${env.PATH}:/usr/sbin:/sbin`, DOCKER_BUILDKIT: '0', LC_ALL: 'C' }
