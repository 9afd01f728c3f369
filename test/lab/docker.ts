import { run, succeeds, type RunOptions } from './run.ts'

/** Runs the docker client of this machine. Throws a CommandError. */
export function docker(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  return run(['docker', ...argv], options)
}

/** Whether docker knows a thing (container, image, network, volume) of this name. */
export function dockerHas(kind: 'container' | 'image' | 'network' | 'volume', name: string): Promise<boolean> {
  return succeeds(['docker', kind, 'inspect', name])
}

/** One value of what `docker inspect` tells, by a Go template. */
export function inspect(container: string, template: string): Promise<string> {
  return docker(['container', 'inspect', '--format', template, container])
}
