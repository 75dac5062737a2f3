/**
 * How a series looks besides its colour: every slot has a shape of its own, drawn by the same path on the canvas and in the
 * legend, so that lines are told apart without seeing colour. A campaign keeps its slot while it stays on the chart.
 */

/** Paths in a box of 10 × 10. */
export const MARK_PATHS: readonly string[] = [
  'M5 1a4 4 0 1 0 0 8a4 4 0 1 0 0-8z',
  'M1.5 1.5h7v7h-7z',
  'M5 .8L9.4 8.6H.6z',
  'M5 .4L9.6 5L5 9.6L.4 5z',
  'M.6 1.4H9.4L5 9.2z',
]

export function markPath(slot: number): string {
  return MARK_PATHS[slot % MARK_PATHS.length] ?? ''
}

/** Campaign → slot: who had one keeps it, newcomers take the lowest that are free. */
export function assignSlots(
  previous: ReadonlyMap<string, number>,
  campaigns: readonly string[],
): Map<string, number> {
  const kept = campaigns.filter((campaign) => previous.has(campaign))
  const slots = new Map(kept.map((campaign) => [campaign, previous.get(campaign) ?? 0]))
  const taken = new Set(slots.values())
  let free = 0
  for (const campaign of campaigns) {
    if (slots.has(campaign)) continue
    while (taken.has(free)) free++
    taken.add(free)
    slots.set(campaign, free)
  }
  return slots
}
