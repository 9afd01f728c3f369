import { expect, test } from 'vitest'
import { violations } from '../../tools/imports.ts'

test('finds an import against the one way, and says where', () => {
  const text = "import { z } from 'zod'\nimport {\n  connect,\n} from '../../db/connect.ts'\n"
  expect(violations('drivers/ssh/pool.ts', text)).toEqual([
    'drivers/ssh/pool.ts:2 imports ../../db/connect.ts, which drivers/ may not',
  ])
})

test('workflows may see the types of activities, not the activities', () => {
  const activities = "'../activities/index.ts'"
  expect(violations('workflows/a.ts', `import type { Activities } from ${activities}`)).toEqual([])
  expect(violations('workflows/a.ts', `import { createActivities } from ${activities}`)).toHaveLength(1)
  expect(violations('workflows/a.ts', `export * from ${activities}`)).toHaveLength(1)
  expect(violations('workflows/a.ts', `await import(${activities})`)).toHaveLength(1)
})

test('what goes into the workflow bundle uses neither Node nor zod', () => {
  expect(violations('domain/a.ts', "import 'node:fs'\nimport { z } from 'zod'")).toHaveLength(2)
})

test('the longest path is the room: the entry of the API may do more than the API', () => {
  const text = "import { loadConfig } from '../config.ts'"
  expect(violations('api/server.ts', text)).toEqual([])
  expect(violations('api/app.ts', text)).toHaveLength(1)
})

test('the API sees nothing of the activities but the dry run', () => {
  expect(violations('api/a.ts', "import { dryRun } from '../activities/dry-run.ts'")).toEqual([])
  expect(violations('api/a.ts', "import { deployActivities } from '../activities/deploys.ts'")).toHaveLength(1)
})

test('nobody imports the API, the worker or the stack', () => {
  for (const entry of ['../api/app.ts', '../worker.ts', '../stack/start.ts']) {
    expect(violations('dispatcher/a.ts', `import { a } from '${entry}'`)).toHaveLength(1)
  }
})

test('the command sees the types of the API alone', () => {
  expect(violations('cli/client.ts', "import type { serverRoutes } from '../api/routes/servers.ts'")).toEqual([])
  expect(violations('cli/client.ts', "import { serverRoutes } from '../api/routes/servers.ts'")).toHaveLength(1)
  expect(violations('cli/commands/login.ts', "import type { Server } from '../../db/servers.ts'")).toHaveLength(1)
})
