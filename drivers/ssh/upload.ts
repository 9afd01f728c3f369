import { deliver } from './delivery.ts'
import type { Lane } from './lane.ts'
import { filesPart, packParcel, parcelCommand } from './parcel.ts'
import type { RemoteFile } from './remote.ts'

/** Puts files in place as the user who logs in; none of them is touched before all have arrived. Throws SshErrors. */
export async function uploadFiles(lane: Lane, files: readonly RemoteFile[], signal?: AbortSignal): Promise<void> {
  const parcel = await packParcel('upload', filesPart(lane.server, files))
  const commandLine = parcelCommand(parcel, [], { needsSudo: false })
  await deliver(lane, { doing: 'put files in place', commandLine, parcel, signal })
}
