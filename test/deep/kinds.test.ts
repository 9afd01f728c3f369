import { kindKills, kindSuite } from './kind-suite.ts'

kindSuite('a worker that is killed is no cause, and leaves nothing behind:', kindKills)
