/** An image as Docker on a server knows it. */
export interface ReplicaImage {
  /** `name@sha256:…`, or `sha256:…` of an image that was built on this server and is in no registry. */
  reference: string
  isLocal: boolean
}

/** The image that a stored digest stands for. */
export const imageOf = (reference: string): ReplicaImage => ({ reference, isLocal: reference.startsWith('sha256:') })

/** What Keystone can build for (OCI image specification, "Image Index": os and architecture). */
export const platforms = ['linux/amd64', 'linux/arm64'] as const
export type Platform = (typeof platforms)[number]

/** The platform of a server's architecture. */
export const platformOf = (architecture: 'amd64' | 'arm64'): Platform => `linux/${architecture}`

/** What one platform's part of an image goes by: the image's own tag, or one beside it where there are others, e.g. `shop:1f3a-arm64`. */
export const platformTag = (tag: string, platform: string, all: readonly string[]): string =>
  all.length === 1 ? tag : `${tag}-${platform.split('/')[1]}`

/** Under which tag an artifact is stored in a registry; nobody runs it by that, but people find it. */
export const storedTag = (storedAs: string, artifactKey: string): string => `${storedAs}:${artifactKey.slice(0, 12)}`
