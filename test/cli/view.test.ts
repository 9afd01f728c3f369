import { describe, expect, it } from 'vitest'
import type { LogChunk } from '../../cli/client.ts'
import { plain } from '../../cli/terminal.ts'
import { createCommandView } from '../../cli/view/command.ts'
import { duration } from '../../cli/view/duration.ts'
import { ending } from '../../cli/view/ending.ts'
import { createOutputLines } from '../../cli/view/output.ts'
import { createScreen } from '../../cli/view/screen.ts'
import { table } from '../../cli/view/table.ts'
import { treeLines } from '../../cli/view/tree.ts'
import { createLineView } from '../../cli/view/watching.ts'
import { operation, step } from './tree.ts'

const running = { status: 'running', finishedAt: null } as const
const look = { paint: plain, now: 12_300 }
const chunk = (text: string, overrides: Partial<LogChunk> = {}): LogChunk => ({ stepId: 'build', run: 1, stream: 'out', offset: 0, text, ...overrides })

describe('a tree', () => {
  it('has a line for each step with how long it takes; what has succeeded whole has one', () => {
    const web = operation('web', { status: 'succeeded', finishedAt: new Date(4000).toISOString(), steps: [step('start web')] })
    const worker = operation('worker', { steps: [step('start worker', running)] })
    const waiting = operation('gateway', { status: 'queued', startedAt: null })
    const tree = operation('deploy production of shop', { steps: [step('build', { server: null })], children: [web, worker, waiting] })
    expect(treeLines(tree, look)).toEqual([
      '● deploy production of shop  12.3 s',
      '  ✔ build  2.0 s',
      '  ✔ web  4.0 s',
      '  ● worker  12.3 s',
      '    ● start worker on web-1  12.3 s',
      '  ○ gateway  queued',
    ])
  })

  it('says what did not succeed in words too', () => {
    expect(treeLines(operation('deploy', { status: 'failed', finishedAt: new Date(65_000).toISOString() }), look)).toEqual(['✖ deploy  failed, 1 min 5 s'])
  })
})

describe('an ending', () => {
  it('has what failed, where, and what to do', () => {
    const failure = { code: 'step_failed', message: 'The build failed.', step: 'build', server: 'web-1', exitCode: 2, tail: 'no such file\nstop\n', hint: 'Look at composer.json.' }
    expect(ending(operation('deploy', { status: 'failed', finishedAt: new Date(3000).toISOString(), failure }), plain)).toBe(
      ['deploy: failed after 3.0 s', '  The build failed.', '  step build, on web-1, exit code 2', '  | no such file', '  | stop', '  Look at composer.json.', ''].join('\n'),
    )
  })

  it('has the outcome and the warnings of what succeeded', () => {
    const warnings = [{ code: 'queue_is_sync', message: 'Jobs run in requests.', hint: 'Attach a Valkey.', request: null }]
    expect(ending(operation('deploy', { status: 'succeeded', outcome: 'deployed', finishedAt: new Date(3000).toISOString(), warnings }), plain)).toBe(
      'deploy: deployed after 3.0 s\nWarning: Jobs run in requests. Attach a Valkey.\n',
    )
  })
})

describe('output', () => {
  const title = (id: string) => `${id} on web-1`

  it('is whole lines, with a heading where another step writes', () => {
    const output = createOutputLines()
    expect(output.of([chunk('one\ntw'), chunk('o\n'), chunk('oops\n', { stream: 'err' }), chunk('up\n', { stepId: 'start' })], title)).toEqual([
      ...['==> build on web-1 <==', 'one', 'two', 'oops'],
      ...['==> start on web-1 <==', 'up'],
    ])
    expect(output.of([chunk('no end')], title)).toEqual([])
    expect(output.rest(title)).toEqual(['==> build on web-1 <==', 'no end'])
  })

  it('does not draw on the terminal', () => {
    expect(createOutputLines().of([chunk('\x1b[2J\x1b[31mred\x1b[0m\n10 %\r100 %\r\n')], title)).toEqual(['==> build on web-1 <==', 'red', '100 %'])
  })
})

describe('a command by hand', () => {
  const shown = (command: string | string[], act: (view: ReturnType<typeof createCommandView>) => void) => {
    const told = { out: '', err: '' }
    act(createCommandView(command, { out: (text) => (told.out += text), err: (text) => (told.err += text) }))
    return told
  }
  const tree = operation('run', { steps: [step('command', running), step('clean up', running)] })
  const of = (text: string, overrides: Partial<LogChunk> = {}) => chunk(text, { stepId: 'command', ...overrides })

  it('shows what it writes where it writes it, without what the step says of it', () => {
    const told = shown(['sh', '-c', 'echo one\necho two'], (view) => {
      view.changed(tree)
      view.written([of("$ 'sh' '-c' 'echo o"), of("ne\necho two'\nfirst\n"), of('oops\n', { stream: 'err' }), of('20 %\r'), chunk('x', { stepId: 'clean up' })])
      view.written([of('the same again\n', { run: 2 })])
    })
    expect(told).toEqual({ out: 'first\n20 %\rthe same again\n', err: 'oops\n' })
  })

  it('loses nothing that comes before its step is known', () => {
    const told = shown('date', (view) => {
      view.changed(operation('run'))
      view.written([of('$ date\nSun\n')])
      view.changed(tree)
    })
    expect(told.out).toBe('Sun\n')
  })
})

describe('for a pipe', () => {
  it('every beginning and end of a step is told once, the end after what it wrote last', () => {
    let told = ''
    const view = createLineView((text) => (told += text))
    const tree = operation('deploy', { steps: [step('build', running)] })
    view.changed(tree)
    view.changed(tree)
    view.written([chunk('compiling\n')])
    view.changed(operation('deploy', { steps: [step('build')] }))
    view.written([chunk('done\n')])
    view.end()
    expect(told).toBe('build on web-1 …\n==> build on web-1 <==\ncompiling\ndone\nbuild on web-1: succeeded, 2.0 s\n')
  })
})

describe('a screen', () => {
  it('draws over what stays, prints above it, and cuts what does not fit', () => {
    const written: string[] = []
    const screen = createScreen((text) => written.push(text), () => ({ columns: 10, rows: 3 }))
    screen.draw(['first', 'second', 'much too long'])
    screen.print(['news'])
    expect(written).toEqual(['\r\x1b[Jsecond\nmuch too…\n', '\x1b[2A\r\x1b[Jnews\nsecond\nmuch too…\n'])
  })
})

it('a table is as wide as its widest cells', () => {
  expect(table([{ name: 'shop', status: null }, { name: 'warehouse', status: 'active' }], plain)).toBe('name       status\nshop       -\nwarehouse  active\n')
  expect(table([], plain)).toBe('None.\n')
})

it('a duration is in seconds below a minute, and never negative', () => {
  const begin = new Date(10_000).toISOString()
  expect([duration(null, null, 0), duration(begin, null, 9000), duration(begin, null, 69_900), duration(begin, null, 135_000)]).toEqual(['', '0.0 s', '59.9 s', '2 min 5 s'])
})
