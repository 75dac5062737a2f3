/**
 * What every room needs of the runtime: folders, locks, clocks, memory and closing, none of it
 * about events.
 */
export { type ClockStep, type ClockWatch, openClockWatch } from './runtime/clock-watch.ts'
export { type Closing, closeAll } from './runtime/close-all.ts'
export { FolderError, makeFolder } from './runtime/folder.ts'
export { freeBytes } from './runtime/free-bytes.ts'
export { killAt } from './runtime/kill-at.ts'
export { acquireLock, type Lock, LockError } from './runtime/lock.ts'
export { guardPlace, type PlaceGuard } from './runtime/place-guard.ts'
export {
  type ErrorKind,
  type ErrorKinds,
  type Facts,
  RoomError,
  reasonOf,
  systemCode,
} from './runtime/room-error.ts'
export { allOf, settleAll } from './runtime/settle.ts'
export { wakePool } from './runtime/wake-pool.ts'
