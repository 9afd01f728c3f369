import { buildChoiceParser, buildCommand } from '@stricli/core'
import type { CliContext } from './context.ts'

/** What the shells' scripts ask the program with, followed by the words so far; the last one is being typed. */
export const completionWord = '__complete'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

const scripts: Record<Shell, string> = {
  bash: `_keystone() {
  local IFS=$'\\n'
  COMPREPLY=($(keystone ${completionWord} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _keystone keystone
`,
  zsh: `#compdef keystone
_keystone() {
  compadd -- \${(f)"$(keystone ${completionWord} "\${(@)words[2,CURRENT]}" 2>/dev/null)"}
}
compdef _keystone keystone
`,
  fish: `complete -c keystone -f -a '(keystone ${completionWord} (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
}

export const completion = buildCommand({
  docs: { brief: 'Print a script that completes commands in your shell', fullDescription: 'In bash: source <(keystone completion bash)' },
  parameters: {
    flags: {},
    positional: { kind: 'tuple', parameters: [{ brief: shells.join(', '), placeholder: 'shell', parse: buildChoiceParser(shells), proposeCompletions: () => shells }] },
  },
  func(this: CliContext, _flags: object, shell: Shell) {
    this.process.stdout.write(scripts[shell])
  },
})
