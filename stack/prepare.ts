import { loadConfig } from '../config.ts'
import { prepareDatabase, prepareTemporal } from './preparation.ts'

/** What `npm start` does before it starts API and worker, for a production that starts them itself: before every new version. */
const { databaseUrl, keyFile, temporal } = loadConfig()
await prepareDatabase(databaseUrl, keyFile, (line) => console.log(line))
await prepareTemporal(temporal)
