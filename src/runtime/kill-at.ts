/**
 * For crash tests: the process kills itself, as kill -9 would, when it reaches a named step of a
 * log write or a commit. The steps are LOG_STEPS of the log room, and COMMIT_STEPS and
 * CLIENT_COMMIT_STEPS of the table room.
 */

/**
 * `spec` is `step` or `step:n`, n being the occurrence at which to die (1 by default); undefined
 * never kills.
 */
export function killAt(spec: string | undefined): (step: string) => void {
  if (spec === undefined || spec === '') return () => {}
  const [name, occurrence = '1'] = spec.split(':')
  let left = Number(occurrence)
  return (step) => {
    if (step !== name) return
    left--
    if (left === 0) process.kill(process.pid, 'SIGKILL')
  }
}
