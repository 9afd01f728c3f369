import { z } from '@hono/zod-openapi'
import ssh2 from 'ssh2'
import type {
  ApplicationId,
  AttachmentId,
  EnvironmentId,
  InvitationId,
  OperationId,
  OrganisationId,
  RegistryId,
  ProviderId,
  ReleaseId,
  ReplicaId,
  ServerId,
  ServiceId,
  SliceId,
  TokenId,
  UserId,
  VolumeId,
} from '../../domain/ids.ts'

/** The edge at which a uuid becomes an id of its kind. */
const id = <Id extends string>() => z.uuid('must be the id of one, a uuid').transform((text) => text.toLowerCase() as Id)

export const organisationIdSchema = id<OrganisationId>()
export const serverIdSchema = id<ServerId>()
export const applicationIdSchema = id<ApplicationId>()
export const environmentIdSchema = id<EnvironmentId>()
export const serviceIdSchema = id<ServiceId>()
export const sliceIdSchema = id<SliceId>()
export const attachmentIdSchema = id<AttachmentId>()
export const operationIdSchema = id<OperationId>()
export const releaseIdSchema = id<ReleaseId>()
export const replicaIdSchema = id<ReplicaId>()
export const registryIdSchema = id<RegistryId>()
export const providerIdSchema = id<ProviderId>()
export const volumeIdSchema = id<VolumeId>()
export const gitHostKeyIdSchema = id<string>()
export const userIdSchema = id<UserId>()
export const tokenIdSchema = id<TokenId>()
export const invitationIdSchema = id<InvitationId>()

/** RFC 1123 label: it becomes part of container names. */
export const label = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends',
  )
  .openapi({ example: 'shop' })

/** `[^\p{Cc}]` for readers of the document, whose expressions may know no classes of characters. */
const noControls = String.raw`[^\u0000-\u001f\u007f-\u009f]`

/** One line of text. */
export const line = (longest: number) =>
  z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(longest, `must have at most ${longest} characters`)
    .regex(/^[^\p{Cc}]*$/u, 'must not contain control characters')
    .openapi({ pattern: `^${noControls}*$` })

/** An e-mail address as the first owner has one: also `owner@localhost`. */
export const email = line(254)
  .regex(/^[^\s@]+@[^\s@]+$/, 'must be an e-mail address')
  .openapi({ example: 'ada@example.com' })

/** A name that git accepts for a branch (git-check-ref-format). */
export const branch = line(200).regex(
  /^(?![-/.])(?!.*(?:\.\.|\/\/|\/\.|@\{|\.lock(?:\/|$)))[^\s~^:?*[\\]+(?<![/.])$/,
  'must be the name of a branch, such as main',
)

const domainLabel = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const hostName = new RegExp(`^${domainLabel}(?:\\.${domainLabel})*$`)

/** A host name or an IP address, without scheme and port. */
export const host = z
  .string()
  .trim()
  .toLowerCase()
  .max(253, 'must have at most 253 characters')
  .refine(
    (text) => hostName.test(text) || z.ipv6().safeParse(text).success,
    'must be a host name or an IP address, without scheme and port',
  )
  .openapi({ example: '203.0.113.10' })

/** A domain that a gateway answers for; `*.` may stand in front. */
export const domain = z
  .string()
  .trim()
  .toLowerCase()
  .max(253, 'must have at most 253 characters')
  .regex(
    new RegExp(`^(?:\\*\\.)?${domainLabel}(?:\\.${domainLabel})*$`),
    'must be a domain such as shop.example.com, without scheme, port or path',
  )
  .openapi({ example: 'shop.example.com' })

export const port = z.int('must be a port, 1 to 65535').min(1, 'must be at least 1').max(65535, 'must be at most 65535')

/** A public key as one line, `ssh-ed25519 AAAA…`; a comment behind it is dropped. */
export const hostKey = z
  .string()
  .trim()
  .max(4096, 'must have at most 4096 characters')
  .regex(
    /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+=*(?: [^\r\n]*)?$/,
    'must be a host key line such as ssh-ed25519 AAAA…',
  )
  .transform((text) => text.split(' ').slice(0, 2).join(' '))
  .refine((text) => !(ssh2.utils.parseKey(text) instanceof Error), 'is not a readable key: copy the whole line')

/** Of a public key, as ssh-keygen shows it. */
export const fingerprint = z
  .string()
  .trim()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'must be a fingerprint such as SHA256:… of ssh-keygen -lf')

/** A private key that needs no passphrase. */
export const privateKey = z
  .string()
  .max(16_384, 'must have at most 16384 characters')
  .refine(isPrivateKey, 'must be a private SSH key in OpenSSH or PEM format, without a passphrase')

function isPrivateKey(text: string): boolean {
  const parsed = ssh2.utils.parseKey(text)
  return !(parsed instanceof Error) && parsed.isPrivateKey()
}

/** A commit; abbreviations are not accepted, since they become ambiguous. */
export const commit = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[0-9a-f]{40}$/, 'must be a whole commit id of 40 hexadecimal characters')

/** An image of a registry by tag or digest; the registry's own grammar is looked at where it is asked. */
export const image = line(400).openapi({ example: 'ghcr.io/team/shop:1.4' })

/** POSIX name of an environment variable. */
export const variableKey = z
  .string()
  .max(200, 'must have at most 200 characters')
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must have letters, digits and underscores only, and not begin with a digit')

/** Settings of a driver; the driver's own schema has the fields. */
export const settings = z.record(z.string(), z.unknown())

export const moment = z.iso.datetime()
