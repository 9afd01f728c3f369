import { inject } from 'vitest'
import { sampleOf } from '../setup/sample.ts'
import { redeployCases, redeploySuite } from './redeploy-cases.ts'

redeploySuite('users notice nothing of (a sample)', sampleOf(redeployCases, { seed: inject('seed'), minutes: 8 }))
