import { inject } from 'vitest'
import { sampleOf } from '../setup/sample.ts'
import { redeployCases, redeploySuite } from './redeploy-cases.ts'

/** With the minutes that the stage itself takes these are ten. */
const minutes = 6

redeploySuite('users notice nothing of (a sample)', sampleOf(redeployCases, { seed: inject('seed'), minutes }))
