/**
 * Places labels that want the same height: each as near as it can be to where it wants to stand, none upon another, in the
 * same order, inside `[0, height]`.
 */

/** Wanted middles in, middles out, in the order of the input. Labels are `gap` apart. */
export function spreadLabels(wanted: readonly number[], gap: number, height: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => at(wanted, a) - at(wanted, b))
  // Labels that collide become a block around the mean of what its members want.
  const blocks: { sum: number; count: number }[] = []
  const topOf = ({ sum, count }: { sum: number; count: number }): number => {
    const length = (count - 1) * gap
    const top = sum / count - length / 2
    return Math.max(gap / 2, Math.min(top, height - gap / 2 - length))
  }
  for (const index of order) {
    let block = { sum: at(wanted, index), count: 1 }
    for (let above = blocks.at(-1); above !== undefined; above = blocks.at(-1)) {
      if (topOf(above) + above.count * gap <= topOf(block)) break
      blocks.pop()
      block = { sum: above.sum + block.sum, count: above.count + block.count }
    }
    blocks.push(block)
  }
  const placed = new Array<number>(wanted.length)
  let next = 0
  for (const block of blocks) {
    for (let place = 0; place < block.count; place++) {
      placed[order[next++] ?? 0] = topOf(block) + place * gap
    }
  }
  return placed
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 0
}
