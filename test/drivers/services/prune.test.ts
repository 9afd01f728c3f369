import { describe, expect, test } from 'vitest'
import { prune, tidy } from '../../../drivers/services/prune.ts'

describe('pruning', () => {
  const kept = { environmentId: 'environment-1', storedAs: ['registry.lab/team/shop'], images: ['sha256:a', 'sha256:b'], unneeded: ['ghcr.io/team/shop@sha256:c'], operations: ['0123456789ab'] }
  const step = prune(kept)

  test('is told what stays: by image id and operation hash, a line each, and for how long folders do', () => {
    expect(step.inputs).toEqual({ ENVIRONMENT: 'environment-1', NAMES: 'keystone/environment-1\nregistry.lab/team/shop', KEEP_IMAGES: 'sha256:a\nsha256:b', ONLY_IMAGES: 'all', UNNEEDED: 'ghcr.io/team/shop@sha256:c', KEEP_OPERATIONS: '0123456789ab', FOLDER_DAYS: '7' })
  })

  test.each([[['sha256:d', 'sha256:e'], 'sha256:d\nsha256:e'], [[], '']])('may be told what alone may go: %j', (only, told) => {
    expect(prune({ ...kept, only }).inputs).toMatchObject({ ONLY_IMAGES: told })
  })

  test('reports the images that are left under the name of the environment', () => {
    expect(step.parse('keystone/environment-1:aa sha256:a\nkeystone/environment-1:bb sha256:b')).toEqual({ imageIds: ['sha256:a', 'sha256:b'] })
    expect(step.parse('')).toEqual({ imageIds: [] })
  })
})

test('tidying up is told whose things they are, and what stays', () => {
  expect(tidy({ organisationId: 'organisation-1', operations: ['0123456789ab', 'ba9876543210'] }).inputs).toEqual({
    ...{ ORGANISATION: 'organisation-1', KEEP_OPERATIONS: '0123456789ab\nba9876543210', FOLDER_DAYS: '7' },
  })
})
