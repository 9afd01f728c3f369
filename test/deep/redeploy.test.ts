import { redeployCases, redeploySuite } from './redeploy-cases.ts'

redeploySuite('users notice nothing of', redeployCases)
