/**
 * What every room needs of the runtime: folders, locks, clocks, memory and closing, none of it
 * about events.
 */
export { type ClockStep, type ClockWatch, openClockWatch } from './runtime/clock-watch.ts'
export {
  type NumberText,
  numberText,
  parseExact,
  parseNumberTexts,
  stringifyExact,
  textOfNumber,
} from './runtime/exact-json.ts'
export {
  guardPlace,
  isFolder,
  makeFolder,
  nullIfMissing,
  type PlaceGuard,
} from './runtime/folder.ts'
export { killAt } from './runtime/kill-at.ts'
export { acquireLock, type Lock, LockError, takeLock } from './runtime/lock.ts'
export { freeBytes, wakePool } from './runtime/node-workarounds.ts'
export { replaceFile, syncFolder } from './runtime/replace-file.ts'
export {
  type ErrorKind,
  type ErrorKinds,
  type Facts,
  networkReason,
  RoomError,
  reasonOf,
  systemCode,
} from './runtime/room-error.ts'
export { allOf, type Closing, closeAll, settleAll } from './runtime/settle.ts'
export { aborted, pause } from './runtime/waiting.ts'
