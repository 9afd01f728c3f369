const seed = process.env.KEYSTONE_TEST_SEED

/** What a person may set for a run of the tests. */
export const testSettings = { seed: seed === undefined ? null : Number(seed) }
