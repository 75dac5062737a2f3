/** The known name that a misspelt one was probably meant to be. */

/** The nearest of `names`, when it is near enough to be worth saying. */
export function suggestName(wrong: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined
  // A third of the letters may differ: `windows` for `window`, `horizn` for `horizon`.
  let distance = Math.max(1, Math.floor(wrong.length / 3)) + 1
  for (const name of names) {
    const changes = editDistance(plain(wrong), plain(name))
    if (changes < distance) [nearest, distance] = [name, changes]
  }
  return nearest
}

/** `commit_interval` and `commit-interval` are near `commitInterval`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '')
}

/** Levenshtein's distance, by rows. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    above = current
  }
  return above[b.length] ?? 0
}
