/** Text and bytes by path; null removes the file. One that begins with `#!` is executable. */
export type FileChanges = Record<string, string | Uint8Array | null>

export interface Commit {
  branch: string
  message: string
  files: FileChanges
  /** A commit or a branch; by default what the branch had before in the same stream. */
  from?: string
  /** A name for it that is given once and stays. */
  tag?: string
  date: Date
}

/** The stream that `git fast-import` makes these commits of. */
export function fastImport(commits: readonly Commit[]): Buffer {
  return Buffer.concat(commits.flatMap(commitCommands))
}

function commitCommands({ branch, message, files, from, tag, date }: Commit): Buffer[] {
  return [
    text(`commit refs/heads/${branch}\ncommitter Lab <lab@example.com> ${Math.floor(date.getTime() / 1000)} +0000\n`),
    ...data(message),
    ...(from ? [text(`from ${from}\n`)] : []),
    ...Object.entries(files).flatMap(([path, content]) => fileCommand(path, content)),
    ...(tag ? [text(`reset refs/tags/${tag}\nfrom refs/heads/${branch}\n\n`)] : []),
  ]
}

function fileCommand(path: string, content: string | Uint8Array | null): Buffer[] {
  if (content === null) return [text(`D ${path}\n`)]
  const isExecutable = Buffer.from(content).subarray(0, 2).toString() === '#!'
  return [text(`M ${isExecutable ? '100755' : '100644'} inline ${path}\n`), ...data(content)]
}

function data(content: string | Uint8Array): Buffer[] {
  const bytes = Buffer.from(content)
  return [text(`data ${bytes.length}\n`), bytes, text('\n')]
}

const text = (line: string) => Buffer.from(line)
