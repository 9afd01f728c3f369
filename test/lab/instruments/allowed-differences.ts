export interface AllowedDifference {
  /** Matched against a line of `compareFingerprints`, which begins with +, - or ~. */
  pattern: RegExp
  reason: string
}

/** THE list of what may differ on a server without being a leftover. A new line needs a reason that a reviewer accepts. */
export const allowedDifferences: readonly AllowedDifference[] = [
]
