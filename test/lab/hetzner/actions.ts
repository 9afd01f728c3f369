import { setTimeout as pause } from 'node:timers/promises'

export interface FakeAction {
  id: number
  command: string
  status: 'running' | 'success' | 'error'
  progress: number
  started: string
  finished: string | null
  resources: { id: number; type: string }[]
  error: { code: string; message: string } | null
}

export interface Work {
  command: string
  resources: FakeAction['resources']
  /** What it comes to, at its end. */
  work(): void | Promise<void>
  isFailing?: boolean
}

/** Things that take time, each of them only when the one before it has ended well. */
export interface FakeActions {
  all: FakeAction[]
  /** Begins them all, and runs them one after the other. */
  begin(...works: Work[]): FakeAction[]
  /** Whether something is being done to this. */
  isLocked(type: string, id: number): boolean
}

const failed = { code: 'action_failed', message: 'Action failed' }

export function createActions(milliseconds: () => number): FakeActions {
  const all: FakeAction[] = []
  let lastId = 1000

  const begun = ({ command, resources }: Work): FakeAction => {
    lastId += 1
    const action: FakeAction = { id: lastId, command, status: 'running', progress: 0, started: now(), finished: null, resources, error: null }
    all.push(action)
    return action
  }
  const end = (action: FakeAction, error: FakeAction['error']) =>
    Object.assign(action, { error, status: error ? 'error' : 'success', progress: 100, finished: now() })

  return {
    all,
    begin(...works) {
      const pairs = works.map((work) => [work, begun(work)] as const)
      void run(pairs)
      return pairs.map(([, action]) => action)
    },
    isLocked: (type, id) => all.some(({ status, resources }) => status === 'running' && resources.some((one) => one.type === type && one.id === id)),
  }

  async function run(pairs: readonly (readonly [Work, FakeAction])[]): Promise<void> {
    let isBroken = false
    for (const [{ work, isFailing }, action] of pairs) {
      if (!isBroken) await pause(milliseconds())
      isBroken ||= isFailing === true || !(await Promise.resolve().then(work).then(() => true, told))
      end(action, isBroken ? failed : null)
    }
  }
}

const now = () => new Date().toISOString()

function told(error: unknown): false {
  console.error('a machine of the fake failed:', error)
  return false
}
