import { inject } from 'vitest'
import { sampleOf } from '../setup/sample.ts'
import { kindKills, kindSuite } from './kind-suite.ts'

/** Two or three kills; with the stage itself about three minutes. */
const minutes = 1.6

kindSuite('a worker that is killed is no cause, and leaves nothing behind (a sample):', sampleOf(kindKills, { seed: inject('seed'), minutes }))
