/** From one moment to another, such as `8.3 s` or `2 min 5 s`; to `now` (in milliseconds) where it has not ended. */
export function duration(from: string | null, to: string | null, now: number): string {
  if (from === null) return ''
  const seconds = Math.max(0, ((to === null ? now : Date.parse(to)) - Date.parse(from)) / 1000)
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
}
