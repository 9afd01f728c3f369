export { ensureDocker } from './ensure-docker.ts'
export { openLab, removeLab, type Lab } from './lab.ts'
export { prepareImages } from './prepare-images.ts'
export type { LabServer } from './server.ts'
