// The fields of an event, as numbers in the order in which faults are reported.

import { STRING_ADDRESS, STRING_LENGTH, BLOCK_ROWS } from './rows';

export const EVENT_ID: i32 = 0;
export const USER_ID: i32 = 1;
export const CAMPAIGN_ID: i32 = 2;
export const EVENT_TYPE: i32 = 3;
export const TIMESTAMP_FIELD: i32 = 4;
export const REVENUE_FIELD: i32 = 5;
export const PLATFORM: i32 = 6;
export const COUNTRY: i32 = 7;
export const DEVICE_TYPE: i32 = 8;
export const FIELDS: i32 = 9;
/** A key that no field has. */
export const UNKNOWN: i32 = 9;
/** Not a key: the closing brace. */
export const CLOSING: i32 = 10;

export const REQUIRED_FIELDS: u32 = 0b000011111;
export const OPTIONAL_STRINGS: u32 = 0b111000000;

// Verdicts: 1 + index into REJECTION_REASONS of src/event/rejection.ts.
export const ACCEPTED: u8 = 0;
export const TOO_LARGE: u8 = 2;
export const NOT_UTF8: u8 = 3;
export const BYTE_ORDER_MARK: u8 = 4;
export const SYNTAX: u8 = 5;
export const DEPTH: u8 = 6;
export const NOT_OBJECT: u8 = 7;

/** The verdict of each field's first reason; a fault is 1 + the distance from it, 0 is none. */
const FIRST_VERDICT: usize = memory.data<u8>([8, 12, 16, 20, 23, 29, 31, 34, 37]);

// Faults of the required strings; `missing` is fault 1 of every required field.
export const FAULT_MISSING: u32 = 1;
export const FAULT_NOT_STRING: u32 = 2;
export const FAULT_SURROGATE: u32 = 3;
export const FAULT_LENGTH: u32 = 4;
export const FAULT_UNKNOWN_TYPE: u32 = 3;
export const FAULT_FORMAT: u32 = 3;
export const FAULT_EARLY: u32 = 4;
export const FAULT_RETENTION: u32 = 5;
export const FAULT_FUTURE: u32 = 6;
// Revenue and the optional strings cannot be missing: theirs are one less.
export const FAULT_NOT_NUMBER: u32 = 1;
export const FAULT_RANGE: u32 = 2;

/** The verdict for the first fault; `faults` holds 4 bits a field, `present` one. */
export function verdictOf(present: u32, faults: u64): u8 {
  for (let field = 0; field < FIELDS; field++) {
    const isMissing = ((REQUIRED_FIELDS & ~present) >> field) & 1;
    const fault = isMissing ? FAULT_MISSING : <u32>(faults >> (<u64>field << 2)) & 15;
    if (fault != 0) return <u8>(load<u8>(FIRST_VERDICT + field) + fault - 1);
  }
  return ACCEPTED;
}

/** The columns of the row block that hold the strings: 0 to 5 for fields 0 to 2 and 6 to 8. */
// @ts-ignore: decorator
@inline
export function stringColumn(field: i32): i32 {
  return field < EVENT_TYPE ? field : field - 3;
}

// @ts-ignore: decorator
@inline
export function setString(field: i32, row: i32, address: usize, length: u32): void {
  const at = <usize>((stringColumn(field) * BLOCK_ROWS + row) << 2);
  store<u32>(STRING_ADDRESS + at, <u32>address);
  store<u32>(STRING_LENGTH + at, length);
}

// Names as little-endian words, the first letter lowest; words that overlap cover odd lengths.
const EVENT_ID_8: u64 = 0x64695f746e657665; // event_id
const PLATFORM_8: u64 = 0x6d726f6674616c70; // platform
const USER_ID_7: u64 = 0x0064695f72657375; // user_id
const REVENUE_7: u64 = 0x0065756e65766572; // revenue
const COUNTRY_7: u64 = 0x007972746e756f63; // country
const TIMESTAMP_8: u64 = 0x6d617473656d6974; // timestam
const EVENT_TY_8: u64 = 0x79745f746e657665; // event_ty
const CAMPAIGN_8: u64 = 0x6e676961706d6163; // campaign
const PAIGN_ID_8: u64 = 0x64695f6e67696170; // paign_id
const DEVICE_T_8: u64 = 0x745f656369766564; // device_t
const ICE_TYPE_8: u64 = 0x657079745f656369; // ice_type

/** The field with this name. 8 bytes past the name may be read. */
export function fieldNamed(address: usize, length: u32): i32 {
  const first = load<u64>(address);
  switch (length) {
    case 7: {
      const name = first & 0x00ffffffffffffff;
      if (name == USER_ID_7) return USER_ID;
      if (name == REVENUE_7) return REVENUE_FIELD;
      return name == COUNTRY_7 ? COUNTRY : UNKNOWN;
    }
    case 8:
      if (first == EVENT_ID_8) return EVENT_ID;
      return first == PLATFORM_8 ? PLATFORM : UNKNOWN;
    case 9:
      return first == TIMESTAMP_8 && load<u8>(address, 8) == 0x70 ? TIMESTAMP_FIELD : UNKNOWN;
    case 10:
      return first == EVENT_TY_8 && load<u16>(address, 8) == 0x6570 ? EVENT_TYPE : UNKNOWN;
    case 11: {
      const last = load<u64>(address, 3);
      if (first == CAMPAIGN_8 && last == PAIGN_ID_8) return CAMPAIGN_ID;
      return first == DEVICE_T_8 && last == ICE_TYPE_8 ? DEVICE_TYPE : UNKNOWN;
    }
    default:
      return UNKNOWN;
  }
}

// With their quotes.
const QUOTE_IMPRESS: u64 = 0x73736572706d6922; // "impress
const QUOTE_CONVERS: u64 = 0x737265766e6f6322; // "convers
const ION_QUOTE: u32 = 0x226e6f69; // ion"
const QUOTE_CLICK_QUOTE: u64 = 0x00226b63696c6322; // "click"

/**
 * The code of the event type written with its quotes at `p`; less than 0: something else, or with
 * escapes.
 */
// @ts-ignore: decorator
@inline
export function eventTypeAt(p: usize): i32 {
  const first = load<u64>(p);
  if (first == QUOTE_IMPRESS && load<u32>(p, 8) == ION_QUOTE) return 0;
  if ((first & 0x00ffffffffffffff) == QUOTE_CLICK_QUOTE) return 1;
  return first == QUOTE_CONVERS && load<u32>(p, 8) == ION_QUOTE ? 2 : -1;
}
