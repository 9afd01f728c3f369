/** Every operation kind is a workflow of the same name (specification section 3). */
export { environment_deploy } from './environment_deploy.ts'
export { gateway_cutover } from './gateway_cutover.ts'
export { operation_recover } from './operation_recover.ts'
export { replica_deploy } from './replica_deploy.ts'
export { server_provision } from './server_provision.ts'
export { service_deploy } from './service_deploy.ts'
export { slice_configure } from './slice_configure.ts'
export { slice_provision } from './slice_provision.ts'
