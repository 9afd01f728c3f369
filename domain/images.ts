/** An image as Docker on a server knows it. */
export interface ReplicaImage {
  /** `name@sha256:…`, or `sha256:…` of an image that was built on this server and is in no registry. */
  reference: string
  isLocal: boolean
}

/** The image that a stored digest stands for. */
export const imageOf = (reference: string): ReplicaImage => ({ reference, isLocal: reference.startsWith('sha256:') })

/** Under which tag an artifact is stored in a registry; nobody runs it by that, but people find it. */
export const storedTag = (storedAs: string, artifactKey: string): string => `${storedAs}:${artifactKey.slice(0, 12)}`
