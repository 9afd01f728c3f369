import { killLane } from './kill-lane.ts'

killLane(0)
