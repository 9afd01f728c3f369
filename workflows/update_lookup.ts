import { isCancellation } from '@temporalio/workflow'
import { failureOf, together } from './operation.ts'
import { control, provider } from './proxies.ts'

/** What a lookup came to; read in the Temporal Web UI. */
export interface UpdateLookup {
  images: number
  /** A line for each that could not be looked up; the next time it is tried again. */
  failures: string[]
}

/**
 * Looks up what the tags of managed images stand for by now, so that people see which services could be updated. No operation: it changes
 * nothing of theirs. A Temporal Schedule starts it.
 */
export async function update_lookup(): Promise<UpdateLookup> {
  const failures: string[] = []
  const { images } = await control.planUpdateLookup()
  await together(images, async (image) => {
    try {
      await provider.lookUpImage.executeWithOptions({ summary: `look up ${image.reference}` }, [image])
    } catch (error) {
      if (isCancellation(error)) throw error
      failures.push(`${image.reference}: ${failureOf(error).message}`)
    }
  })
  return { images: images.length, failures }
}
