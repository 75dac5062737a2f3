/** The named moments of the log's life on disk, so that a test can kill the process at each of them. */

export const LOG_STEPS = [
  /** A new file is filled with zeros and synced, still under its temporary name. */
  'spare-filled',
  /** A spare carries the header of the next segment, synced, still under the name of a spare. */
  'segment-headed',
  /** The next segment has its name, and its folder is synced. */
  'segment-created',
  /** A group's frame is written, not synced. */
  'frame-written',
  /** A group's frame is on disk, nobody knows yet. */
  'frame-synced',
  /** Readers see the group, and its appends are resolved. */
  'frame-answered',
  /** A segment that is no longer needed has become a spare. */
  'segment-recycled',
  /** A segment that is no longer needed is gone. */
  'segment-removed',
  /** Recovery has written the last frame again, and synced. */
  'tail-rewritten',
  /** The tail carries a seal: after recovery, or at a clean stop. */
  'tail-sealed',
] as const

export type LogStep = (typeof LOG_STEPS)[number]
