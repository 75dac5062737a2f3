// A body, 1024 events a call: finds where each event begins and ends, and keeps neighbours apart.
//
// JavaScript copies the bytes to `inputAddress()`, calls `beginBody`, then `parseBlock` until it
// returns less than a whole block, then asks `bodyFault`. Between two calls the row block is the
// caller's.

import { reserve } from './memory';
import {
  beginSpace,
  CLOSE_BRACKET,
  COMMA,
  INPUT_PADDING,
  LF,
  lineEnd,
  OPEN_BRACKET,
  skipSpace,
  skipSpaceAndFeeds,
  trimEnd,
} from './parse-bytes';
import { readEvent, verdict } from './parse-event';
import { BYTE_ORDER_MARK, DEPTH, NOT_UTF8, SYNTAX, TOO_LARGE } from './parse-fields';
import { forgetLinks } from './parse-predict';
import { beginGather } from './parse-gather';
import { elementEnd } from './parse-split';
import { isUtf8 } from './parse-utf8';
import { forgetDepth, stoppedAtDepth } from './parse-value';
import { BLOCK_ROWS, END, START, VERDICT } from './rows';

const EVENT_BYTES_MAX: usize = 32768;
const FUTURE_SLACK_US: i64 = 300000000;
/** Far past the year 9999, and far from overflow. */
const ARRIVAL_US_MAX: f64 = 1e18;

// Forms of a body.
const LINES: i32 = 0;
const ARRAY: i32 = 1;
const OBJECT: i32 = 2;

// Why a body cannot be cut into events: 1 + index into BODY_FAULTS of src/engine/wasm.ts.
const SPLITTABLE: i32 = 0;
const EMPTY: i32 = 1;
const NOT_ARRAY: i32 = 2;
const UNCLOSED: i32 = 3;
const TRAILING: i32 = 4;

let input: usize = 0;
let inputBytesMax: usize = 0;
let end: usize = 0;
let form: i32 = LINES;
let fault: i32 = SPLITTABLE;
/**
 * Where byte 0 of the row block's ranges lies: before the input, when it is a later piece of a
 * body.
 */
let origin: usize = 0;
/** Rejected rows of the last block. */
let rejected: i32 = 0;
/** Where the next event is looked for; the end once there is none. */
let cursor: usize = 0;

/** Makes room for bodies of up to `bytes`, once; false: the memory cannot grow so far. */
export function openInput(bytes: usize): bool {
  input = reserve(bytes + INPUT_PADDING);
  inputBytesMax = bytes;
  return input != 0;
}

export function inputAddress(): usize {
  return input;
}

export function rejectedRows(): i32 {
  return rejected;
}

export function bodyFault(): i32 {
  return fault;
}

/**
 * `bytes` of a body lie at the input; `offset` were in the pieces before (whole lines, for form
 * LINES only).
 */
export function beginBody(bytes: usize, bodyForm: i32, offset: usize): void {
  if (bytes > inputBytesMax) unreachable();
  form = bodyForm;
  origin = input - offset;
  fault = SPLITTABLE;
  cursor = input;
  end = input + bytes;
  beginGather(input, end);
  memory.fill(end, 0, INPUT_PADDING);
  beginSpace(form != LINES);
  if (form == LINES) {
    forgetLinks(true);
    return;
  }
  cursor = skipSpaceAndFeeds(input);
  if (cursor >= end) stop(EMPTY);
  else if (form == ARRAY) openArray();
}

/** After this there are no more events. */
function stop(why: i32): void {
  fault = why;
  cursor = end;
}

function openArray(): void {
  if (load<u8>(cursor) != OPEN_BRACKET) return stop(NOT_ARRAY);
  cursor = skipSpaceAndFeeds(cursor + 1);
  if (cursor >= end) stop(UNCLOSED);
  else if (load<u8>(cursor) == CLOSE_BRACKET) closeArray(cursor);
}

/** `bracket` is the closing one. */
function closeArray(bracket: usize): void {
  stop(skipSpaceAndFeeds(bracket + 1) < end ? TRAILING : SPLITTABLE);
}

/**
 * Parses up to a block of events, arrived then and to be kept if dated from `keptFromUs` on
 * (microseconds since the epoch); returns how many. Fewer than a block: the body is at its end.
 */
export function parseBlock(arrivalUs: f64, keptFromUs: f64): i32 {
  const oldestUs = <i64>max(keptFromUs, 0);
  const latestUs = <i64>min(arrivalUs, ARRIVAL_US_MAX) + FUTURE_SLACK_US;
  let row = 0;
  rejected = 0;
  while (row < BLOCK_ROWS) {
    if (form == LINES) cursor = skipSpaceAndFeeds(cursor);
    if (cursor >= end) break;
    const start = cursor;
    const after = readEvent(start, row, oldestUs, latestUs);
    const next = after == 0 ? <usize>0 : skipSpace(after);
    if (next != 0 && isEventEnd(next)) {
      const given = after - start > EVENT_BYTES_MAX ? TOO_LARGE : verdict;
      rejected += i32(given != 0);
      store<u8>(VERDICT + row, given);
      setRange(row, start, after);
      cursor = next;
    } else {
      cursor = reject(row, start);
    }
    if (form == ARRAY && cursor < end) stepToElement();
    row++;
  }
  return row;
}

// @ts-ignore: decorator
@inline
function setRange(row: i32, from: usize, to: usize): void {
  store<u32>(START + (<usize>row << 2), <u32>(from - origin));
  store<u32>(END + (<usize>row << 2), <u32>(to - origin));
}

/** Whether an event may end before `p`, where no white space stands. */
// @ts-ignore: decorator
@inline
function isEventEnd(p: usize): bool {
  if (p >= end) return form != ARRAY;
  const byte = load<u8>(p);
  if (form == LINES) return byte == LF;
  return form == ARRAY && (byte == COMMA || byte == CLOSE_BRACKET);
}

/** From the comma or bracket after an element, or from the end of an array that is not closed. */
// @ts-ignore: decorator
@inline
function stepToElement(): void {
  if (load<u8>(cursor) == COMMA) {
    cursor = skipSpaceAndFeeds(cursor + 1);
    if (cursor >= end) stop(UNCLOSED);
  } else {
    closeArray(cursor);
  }
}

/** Gives the event at `start` its verdict; returns where it ends, white space after it included. */
function reject(row: i32, start: usize): usize {
  let next = end;
  if (form == LINES) next = lineEnd(start, end);
  else if (form == ARRAY) next = elementEnd(start, end);
  if (next == 0) {
    stop(UNCLOSED);
    next = end;
  }
  const to = trimEnd(start, next);
  setRange(row, start, to);
  store<u8>(VERDICT + row, faultOf(start, to));
  forgetDepth();
  rejected++;
  return next;
}

function faultOf(start: usize, to: usize): u8 {
  if (to - start > EVENT_BYTES_MAX) return TOO_LARGE;
  if (!isUtf8(start, to)) return NOT_UTF8;
  if (to - start >= 3 && (load<u32>(start) & 0xffffff) == 0xbfbbef) return BYTE_ORDER_MARK;
  return stoppedAtDepth ? DEPTH : SYNTAX;
}
