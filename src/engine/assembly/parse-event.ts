// One event, from its opening brace, into one row of the block.

import { isDigit, MINUS, OPEN_BRACE, plainEnd, QUOTE, skipSpace } from './parse-bytes';
import {
  CAMPAIGN_ID,
  CLOSING,
  EVENT_ID,
  EVENT_TYPE,
  eventTypeAt,
  FAULT_EARLY,
  FAULT_FORMAT,
  FAULT_FUTURE,
  FAULT_LENGTH,
  FAULT_NOT_NUMBER,
  FAULT_NOT_STRING,
  FAULT_RANGE,
  FAULT_RETENTION,
  FAULT_SURROGATE,
  FAULT_UNKNOWN_TYPE,
  NOT_OBJECT,
  OPTIONAL_STRINGS,
  REVENUE_FIELD,
  setString,
  TIMESTAMP_FIELD,
  UNKNOWN,
  USER_ID,
  verdictOf,
} from './parse-fields';
import { readRevenue, revenueDouble, revenueInRange, revenueMillionths } from './parse-number';
import { follow, linkEnd, linkField, OPENING } from './parse-predict';
import { readString, stringAddress, stringHasLoneSurrogate, stringLength } from './parse-string';
import { readTimestampText, readUsualTimestamp, timestampUs } from './parse-timestamp';
import { isNull, skipValue } from './parse-value';
import { MILLIONTHS, NULL_LENGTH, REVENUE, TIMESTAMP, TYPE } from './rows';

const EARLIEST_US: i64 = 946684800000000;
const ID_BYTES_MAX: u32 = 128;
const NAME_BYTES_MAX: u32 = 256;
const OPTIONAL_BYTES_MAX: u32 = 64;

/**
 * Decoded strings of a row: fields 0 to 2 at 0, 128 and 384, 6 to 8 at 640, 704 and 768, others at
 * 832.
 */
const SLOTS: usize = memory.data(1024 * 1024, 64);
const SLOT_STARTS: usize = memory.data<u16>([0, 128, 384, 832, 832, 832, 640, 704, 768]);
const SPARE_BYTES: u32 = 64;

/** The verdict on the last event read to its end. */
export let verdict: u8 = 0;

/**
 * What is known of the event being read: which fields it has, and 4 bits a field with its fault.
 */
let present: u32 = 0;
let faults: u64 = 0;

/** Reads the value at `p` as event; the position after it, 0: not JSON, or nested too deep. */
export function readEvent(p: usize, row: i32, keptFromUs: i64, latestUs: i64): usize {
  if (load<u8>(p) != OPEN_BRACE) {
    verdict = NOT_OBJECT;
    return skipValue(p, 0);
  }
  present = 0;
  faults = 0;
  let link = OPENING;
  while (true) {
    link = follow(link, p);
    if (link == 0) return 0;
    const field = linkField(link);
    if (field == CLOSING) {
      finish(row);
      return linkEnd;
    }
    // A known text may be the beginning of one with more white space.
    p = skipSpace(linkEnd);
    switch (field) {
      case EVENT_ID:
        p = readStored(p, EVENT_ID, row, 1, ID_BYTES_MAX);
        break;
      case USER_ID:
        p = readStored(p, USER_ID, row, 1, NAME_BYTES_MAX);
        break;
      case CAMPAIGN_ID:
        p = readStored(p, CAMPAIGN_ID, row, 1, NAME_BYTES_MAX);
        break;
      case EVENT_TYPE:
        p = readType(p, row);
        break;
      case TIMESTAMP_FIELD:
        p = readTimestamp(p, row, keptFromUs, latestUs);
        break;
      case REVENUE_FIELD:
        p = readRevenueField(p, row);
        break;
      case UNKNOWN:
        p = skipValue(p, 1);
        break;
      default:
        p = readStored(p, field, row, 0, OPTIONAL_BYTES_MAX);
    }
    if (p == 0) return 0;
  }
}

/** Of duplicate keys the last wins: a field's fault is that of its last value. */
// @ts-ignore: decorator
@inline
function note(field: i32, fault: u32): void {
  const shift = <u64>(field << 2);
  present |= 1 << field;
  faults = (faults & ~(<u64>15 << shift)) | (<u64>fault << shift);
}

// @ts-ignore: decorator
@inline
function readStored(p: usize, field: i32, row: i32, bytesMin: u32, bytesMax: u32): usize {
  if (load<u8>(p) == QUOTE) {
    const start = p + 1;
    const end = plainEnd(start);
    const length = <u32>(end - start);
    if (load<u8>(end) == QUOTE && length - bytesMin <= bytesMax - bytesMin) {
      setString(field, row, start, length);
      note(field, 0);
      return end + 1;
    }
  }
  return readStoredSlow(p, field, row, bytesMin, bytesMax);
}

function readStoredSlow(p: usize, field: i32, row: i32, bytesMin: u32, bytesMax: u32): usize {
  // Required strings count one fault more than the optional ones: that they are missing.
  const isOptional: u32 = bytesMin == 0 ? 1 : 0;
  if (load<u8>(p) != QUOTE) {
    const isAbsent = isOptional && isNull(p);
    if (isAbsent) setString(field, row, 0, NULL_LENGTH);
    note(field, isAbsent ? 0 : FAULT_NOT_STRING - isOptional);
    return skipValue(p, 1);
  }
  const end = readString(p + 1, slotOf(field, row), bytesMax);
  if (end == 0) return 0;
  let fault: u32 = 0;
  if (stringHasLoneSurrogate) fault = FAULT_SURROGATE - isOptional;
  else if (stringLength < bytesMin || stringLength > bytesMax) fault = FAULT_LENGTH - isOptional;
  else setString(field, row, stringAddress, stringLength);
  note(field, fault);
  return end;
}

function slotOf(field: i32, row: i32): usize {
  return SLOTS + <usize>(row << 10) + <usize>load<u16>(SLOT_STARTS + (<usize>field << 1));
}

// @ts-ignore: decorator
@inline
function readType(p: usize, row: i32): usize {
  const type = eventTypeAt(p);
  if (type < 0) return readTypeSlow(p, row);
  store<u8>(TYPE + row, <u8>type);
  note(EVENT_TYPE, 0);
  return p + (type == 1 ? 7 : 12);
}

function readTypeSlow(p: usize, row: i32): usize {
  if (load<u8>(p) != QUOTE) {
    note(EVENT_TYPE, FAULT_NOT_STRING);
    return skipValue(p, 1);
  }
  const slot = slotOf(EVENT_TYPE, row);
  const end = readString(p + 1, slot + 1, SPARE_BYTES - 2);
  if (end == 0) return 0;
  let type = -1;
  if (stringLength <= 10) {
    // Between quotes again, as it would stand without escapes.
    memory.copy(slot + 1, stringAddress, stringLength);
    store<u8>(slot, QUOTE);
    store<u8>(slot + 1 + stringLength, QUOTE);
    type = eventTypeAt(slot);
  }
  if (type >= 0) store<u8>(TYPE + row, <u8>type);
  note(EVENT_TYPE, type >= 0 ? 0 : FAULT_UNKNOWN_TYPE);
  return end;
}

// @ts-ignore: decorator
@inline
function readTimestamp(p: usize, row: i32, keptFromUs: i64, latestUs: i64): usize {
  let fault: u32 = 0;
  let end = load<u8>(p) == QUOTE ? readUsualTimestamp(p + 1) : 0;
  if (end == 0) {
    if (load<u8>(p) != QUOTE) {
      note(TIMESTAMP_FIELD, FAULT_NOT_STRING);
      return skipValue(p, 1);
    }
    end = readString(p + 1, slotOf(TIMESTAMP_FIELD, row), SPARE_BYTES);
    if (end == 0) return 0;
    if (!readTimestampText(stringAddress, stringLength)) fault = FAULT_FORMAT;
  }
  if (fault == 0) {
    if (timestampUs < EARLIEST_US) fault = FAULT_EARLY;
    else if (timestampUs < keptFromUs) fault = FAULT_RETENTION;
    else if (timestampUs > latestUs) fault = FAULT_FUTURE;
  }
  store<i64>(TIMESTAMP + (<usize>row << 3), timestampUs);
  note(TIMESTAMP_FIELD, fault);
  return end;
}

// @ts-ignore: decorator
@inline
function readRevenueField(p: usize, row: i32): usize {
  const first = load<u8>(p);
  if (!isDigit(first) && first != MINUS) {
    const isAbsent = isNull(p);
    if (isAbsent) setRevenue(row, 0, 0);
    note(REVENUE_FIELD, isAbsent ? 0 : FAULT_NOT_NUMBER);
    return skipValue(p, 1);
  }
  p = readRevenue(p);
  if (revenueInRange) setRevenue(row, revenueDouble, revenueMillionths);
  note(REVENUE_FIELD, revenueInRange ? 0 : FAULT_RANGE);
  return p;
}

// @ts-ignore: decorator
@inline
function setRevenue(row: i32, value: f64, millionths: i64): void {
  store<f64>(REVENUE + (<usize>row << 3), value);
  store<i64>(MILLIONTHS + (<usize>row << 3), millionths);
}

/** Fills in what the event does not have, and sets the verdict. */
// @ts-ignore: decorator
@inline
function finish(row: i32): void {
  if ((~present & (OPTIONAL_STRINGS | (1 << REVENUE_FIELD))) != 0) fillAbsent(row);
  verdict = verdictOf(present, faults);
}

function fillAbsent(row: i32): void {
  const absent = ~present & OPTIONAL_STRINGS;
  for (let field = REVENUE_FIELD + 1; absent >> field != 0; field++) {
    if ((absent >> field) & 1) setString(field, row, 0, NULL_LENGTH);
  }
  if ((present & (1 << REVENUE_FIELD)) == 0) setRevenue(row, 0, 0);
}
