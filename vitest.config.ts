import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What a test needs decides where it runs; every file that no other project names is a unit test. */
const needs = {
  database: ['test/{db,api,activities}/**/*.test.ts', 'test/cli/{program,logs,init}.test.ts'],
  workflows: [
    'test/{workflows,dispatcher,drivers/temporal}/**/*.test.ts',
    'test/worker.test.ts',
    'test/{stack/start,tools/build}.test.ts',
  ],
  lab: [
    'test/**/*.lab.test.ts',
    'test/{e2e,chaos,lab}/**/*.test.ts',
    'test/drivers/ssh/{commands,step,upload}.test.ts',
  ],
  deep: ['test/deep/*.test.ts'],
}

const temporary = 'test/setup/temporary.ts'
const postgres = 'test/setup/postgres.ts'
const temporal = 'test/setup/temporal.ts'
const workflowBundle = 'test/setup/workflow-bundle.ts'
const labRun = 'test/setup/lab-run.ts'

const minute = 60_000

/**
 * Time enough for a machine that builds images meanwhile. A file at a time on each of two cores; the tests of one file run one
 * after the other.
 */
const project = (name: string, order: number, settings: object) => ({
  test: {
    ...{ name, pool: 'forks' as const, maxWorkers: 2, retry: 0, sequence: { groupOrder: order } },
    ...{ testTimeout: minute, hookTimeout: 2 * minute, ...settings },
  },
})

const longest = [/\/nobody-notices\./, /\/test\/chaos\//, /\/test\/deep\//, /\/test\/e2e\//]

/** What takes longest begins first, so that both lanes end at about the same time; the two that are under load not at once. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = longest.findIndex((folder) => folder.test(moduleId))
      return index === -1 ? longest.length : index
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      project('unit', 0, { include: ['test/**/*.test.ts'], exclude: Object.values(needs).flat(), globalSetup: [temporary] }),
      project('database', 1, {
        ...{ include: needs.database, exclude: needs.lab, globalSetup: [temporary, postgres] },
        hookTimeout: minute,
      }),
      project('workflows', 2, { include: needs.workflows, exclude: needs.lab, globalSetup: [temporary, postgres, temporal] }),
      project('lab', 3, {
        ...{ include: needs.lab, globalSetup: [temporary, postgres, temporal, workflowBundle, labRun] },
        ...{ testTimeout: 5 * minute, hookTimeout: 5 * minute },
      }),
      project('deep', 4, {
        ...{ include: needs.deep, exclude: needs.lab, globalSetup: [temporary, postgres, temporal, workflowBundle, labRun] },
        ...{ testTimeout: 60 * minute, hookTimeout: 5 * minute },
      }),
    ],
  },
})
