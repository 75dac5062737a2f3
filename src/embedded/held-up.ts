/** Why the job is held up for now. Each part of it says so for itself; what is shown is the word of the first that has one. */

type Part = 'place' | 'commit' | 'reading' | 'maintenance'

export type HeldUp = Readonly<{
  /** null when it goes on. The first word of a part is news (maintenance tells its own), the newest is shown. */
  say(part: Part, reason: string | null): void
  message(): string | null
  /** Hears of each change from now on. */
  attend(onChange: () => void): void
}>

const PARTS: readonly Part[] = ['place', 'commit', 'reading', 'maintenance']

export function openHeldUp(onNews: (text: string) => void): HeldUp {
  const reasons = new Map<Part, string>()
  let onChange = (): void => {}
  return {
    say(part, reason) {
      const before = reasons.get(part)
      if (reason === null) reasons.delete(part)
      else reasons.set(part, reason)
      if (reason !== null && before === undefined && part !== 'maintenance') onNews(reason)
      if (reason !== (before ?? null)) onChange()
    },
    message: () => PARTS.map((part) => reasons.get(part)).find((one) => one !== undefined) ?? null,
    attend(listener) {
      onChange = listener
    },
  }
}
