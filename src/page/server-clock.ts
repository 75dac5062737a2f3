/** The server's time, from what its messages say: the reader's clock may be minutes off, and ages must not be. */

export type ServerClock = Readonly<{
  nowMs: () => number
  /** A message that said it is `nowMs` has just arrived. */
  hear: (nowMs: number) => void
}>

/** Further apart than messages are late: the clocks have been set, not the network been slow. */
const JUMP_MS = 2000

export function openServerClock(): ServerClock {
  let ahead: number | null = null
  return {
    nowMs: () => Date.now() + (ahead ?? 0),
    hear: (nowMs) => {
      if (!Number.isFinite(nowMs)) return
      const heard = nowMs - Date.now()
      // The message that was the quickest on its way tells best.
      ahead = ahead === null || Math.abs(heard - ahead) > JUMP_MS ? heard : Math.max(ahead, heard)
    },
  }
}
