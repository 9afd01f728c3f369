import { activityInfo, ApplicationFailure } from '@temporalio/activity'
import { OperationEnded } from '../db/operations/begin.ts'
import { CancelRequested } from '../db/operations/commit.ts'
import { type Failure, isFailure } from '../domain/operations.ts'
import { ProviderError } from '../drivers/providers/errors.ts'
import { RegistryError } from '../drivers/registries/errors.ts'
import { SourceError } from '../drivers/sources/errors.ts'
import { SshError, type SshErrorCode } from '../drivers/ssh/errors.ts'

/** A cause that trying again does not change. Temporal's UI shows the message, Keystone reads the details. */
export function finalFailure(failure: Failure): ApplicationFailure {
  return ApplicationFailure.create({ type: failure.code, message: sentence(failure), nonRetryable: true, details: [failure] })
}

/**
 * A cause that may be gone next time: Temporal tries again, as the activity's retry class says, or after as long as it is told to leave
 * somebody alone; at most five minutes, for people wait for what it is part of.
 */
export function passingFailure(failure: Failure, retryAfterSeconds: number | null = null): ApplicationFailure {
  const wait = retryAfterSeconds === null ? {} : { nextRetryDelay: Math.min(retryAfterSeconds, 300) * 1000 }
  return ApplicationFailure.create({ type: failure.code, message: sentence(failure), details: [failure], ...wait })
}

/** What is known of a step whose script ended with this exit code; null for every other error. */
export function stepFailure(error: unknown, exitCode: number): Failure | null {
  const failure = failureIn(error)
  return failure?.code === 'step_failed' && failure.exitCode === exitCode ? failure : null
}

/** The failure that `finalFailure` or `passingFailure` was given; null for every other error. */
export function failureIn(error: unknown): Failure | null {
  const [failure] = (error instanceof ApplicationFailure && error.details) || []
  return isFailure(failure) ? failure : null
}

function sentence({ message, tail, hint }: Failure): string {
  return [message, ...(tail ? [tail.trim()] : []), ...(hint ? [hint] : [])].join('\n')
}

const sshHints: Readonly<Partial<Record<SshErrorCode, string>>> = {
  unreachable: 'Check that the server runs and that its SSH port can be reached from here.',
  host_key_changed: 'Make sure that this is still your server, then confirm its new host key: POST …/accept-host-key.',
  password_refused: 'Provision the server again with another first login.',
  authentication_failed: 'Provision the server again, so that Keystone’s key is installed on it.',
}

/** What people know these by in the API too. */
const ownCodes: ReadonlySet<SshErrorCode> = new Set(['host_key_unknown', 'host_key_changed'])

/** A server that starts or shuts down refuses users for some seconds (pam_nologin): only time tells that from a wrong key. */
const mayBeBooting = (code: SshErrorCode): boolean =>
  (code === 'authentication_failed' || code === 'handshake_failed') && activityInfo().attempt < 5

/**
 * What is known of an error by its class and code, never by its text; `step` names what was being done. Everything else is
 * returned as it is, for `classifyErrors` to judge.
 */
export function asFailure(error: unknown, step: string): unknown {
  if (error instanceof SshError) {
    const { code, server, message } = error
    const hint = sshHints[code]
    const failure = { code: ownCodes.has(code) ? code : `ssh_${code}`, message: `${message} (step "${step}")`, server, step, ...(hint ? { hint } : {}) }
    return error.retryable || mayBeBooting(code) ? passingFailure(failure) : finalFailure(failure)
  }
  if (error instanceof RegistryError) {
    const failure = { code: `registry_${error.code}`, message: error.message, step }
    return error.retryable ? passingFailure(failure, error.retryAfterSeconds) : finalFailure(failure)
  }
  if (error instanceof ProviderError) {
    const failure = { code: `provider_${error.code}`, message: error.message, step }
    return error.retryable ? passingFailure(failure, error.retryAfterSeconds) : finalFailure(failure)
  }
  if (error instanceof SourceError) {
    const failure = { code: `source_${error.code}`, message: error.message, step }
    return error.retryable ? passingFailure(failure) : finalFailure(failure)
  }
  if (error instanceof CancelRequested) return finalFailure({ code: 'cancel_requested', message: error.message, step })
  if (error instanceof OperationEnded) return finalFailure({ code: 'operation_ended', message: error.message, step })
  return error
}
