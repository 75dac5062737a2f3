/** Lets a number run to its next value for a moment, so that one sees it move; still for readers who want less motion. */
import { setText } from './element.ts'

export type CountUp = Readonly<{
  /** `isMoving` false jumps: another range is another figure, not a movement. */
  show: (value: number | null, isMoving: boolean) => void
}>

const RUN_MS = 300

export function openCountUp(target: HTMLElement, write: (value: number | null) => string): CountUp {
  const stillness = matchMedia('(prefers-reduced-motion: reduce)')
  let shown: number | null = null
  let frame = 0
  return {
    show: (value, isMoving) => {
      cancelAnimationFrame(frame)
      const from = shown
      const isStill = !isMoving || stillness.matches || document.hidden
      if (isStill || from === null || value === null || from === value) {
        shown = value
        setText(target, write(value))
        return
      }
      const started = performance.now()
      const step = (now: number): void => {
        const run = Math.min(Math.max((now - started) / RUN_MS, 0), 1)
        // Slowing down to the end.
        const at = run === 1 ? value : from + (value - from) * (1 - (1 - run) ** 3)
        shown = at
        setText(target, write(at))
        if (run < 1) frame = requestAnimationFrame(step)
      }
      frame = requestAnimationFrame(step)
    },
  }
}
