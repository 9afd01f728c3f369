import type { Secret } from '../../domain/secret.ts'

/** By what a user proves himself. */
export type Credential = { privateKey: Secret } | { password: Secret }

/** Whom to connect to. `hostKey` is the pinned key line (`ssh-ed25519 AAAA…`); null only while a server is being adopted. */
export type ServerTarget = Credential & {
  serverId: string
  name: string
  address: string
  port: number
  user: string
  hostKey: string | null
}

/** A file to be put on a server: written beside its path and renamed, so that nobody reads half of it. `mode`: e.g. 0o600. */
export interface RemoteFile {
  path: string
  content: string | Secret
  mode: number
}

export interface CommandResult {
  exitCode: number
  stdout: string
  stderr: string
}

export interface CommandOptions {
  stdin?: string | Secret | Buffer
  timeoutSeconds?: number
  signal?: AbortSignal
}

export interface Following {
  /** Called in order, awaited before the next one: back-pressure reaches the server. */
  onOutput(bytes: Buffer): Promise<void>
  signal: AbortSignal
}

/**
 * A script that outlives the connection which started it (design section 5). It runs as the transient systemd unit
 * `keystone-<hash>-<nn>` in `/home/keystone/operations/<hash>/<nn>-<name>/` (user root: below `/var/lib/keystone/operations`),
 * exactly once, whoever asks and how often. It is given KEYSTONE_OPERATION (the hash), KEYSTONE_STEP_DIR (its folder, also
 * the working folder), KEYSTONE_SECRETS and KEYSTONE_RESULT (files, see below).
 */
export interface DurableStep {
  /** 12 hex characters: `operations.hash`. */
  hash: string
  order: number
  name: string
  user: 'keystone' | 'root'
  /** Bash, run with `-euo pipefail`. Constant text: it reads inputs from variables and files, they are never written into it. */
  script: string
  /** Plain inputs, exported to the script; kept in a 0600 file of the step's folder. Never secrets. */
  inputs: Record<string, string>
  /** Secret inputs: files of these names in `$KEYSTONE_SECRETS`, a 0700 folder below `/run/keystone`, gone with the step. */
  secrets: Record<string, Secret>
  /** Files put in place before the script starts, in the same round trip. */
  files: readonly RemoteFile[]
}

export type StepStream = 'out' | 'err'

/** Raw bytes that the step wrote, at their offset in the stream of this run. */
export interface StepChunk {
  run: number
  stream: StepStream
  offset: number
  bytes: Buffer
}

/** What of the step's output is stored already, so that following goes on from there. */
export interface StepPosition {
  run: number
  out: number
  err: number
}

export interface StepOutcome {
  /** 1 for the first start; a step that vanished without an exit code (reboot) and was started again is another run. */
  run: number
  exitCode: number
  /** What the script wrote to `$KEYSTONE_RESULT`, at most 64 KiB; empty when it wrote nothing. */
  result: string
}

export interface StepObserver {
  /** The position already stored; null when nothing is. */
  stored: StepPosition | null
  /** Called in order, awaited before the next one: back-pressure reaches the server. */
  onChunk(chunk: StepChunk): Promise<void>
  /** Aborting it stops following; the step itself goes on. */
  signal: AbortSignal
}

/** One server, over one pooled connection. Errors are `SshError`s, classified by code and never by text of the remote output. */
export interface Remote {
  /** Runs argv (quoted by one function). A non-zero exit is a result, not an error. Counts as one round trip. */
  command(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>
  /**
   * Runs argv and hands on what it writes to standard output as it comes, until it ends or the signal aborts; then its standard input
   * ends, and with that it must. Resolves with its exit code, rejects with the signal's reason.
   */
  follow(argv: readonly string[], following: Following): Promise<number>
  /** Puts all files in place with one tar stream. Folders are made 0700 where missing. */
  upload(files: readonly RemoteFile[], signal?: AbortSignal): Promise<void>
  /** Starts the step or re-attaches to it, follows it to its end. One round trip. */
  step(step: DurableStep, observer: StepObserver): Promise<StepOutcome>
  /** Ends a step for good: stops its unit with its whole cgroup and waits; whoever calls `step` later gets exit code 143. */
  stopStep(step: Pick<DurableStep, 'hash' | 'order' | 'name' | 'user'>): Promise<void>
}

export interface SshPool {
  to(target: ServerTarget): Remote
  /** What is asked for from now on goes over a connection that is yet to be made; what is under way stays where it is. */
  renew(target: ServerTarget): void
  /** Closes what was opened with this credential, which is used no more; what runs there breaks off. */
  forget(target: ServerTarget): Promise<void>
  /** Whether the server lets this user in by this credential; asked on a connection of its own. */
  isLetIn(target: ServerTarget): Promise<boolean>
  /** The ways in which the server lets this user prove himself, e.g. `publickey`; asked on a connection of its own. */
  offeredLogins(target: ServerTarget): Promise<string[]>
  close(): Promise<void>
  /** Counted since start, for benchmarks and reports. */
  counts(): { handshakes: number; roundTrips: number }
}
