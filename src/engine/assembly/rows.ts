// The row block: what the parser hands to the columns, 1024 events at a time, as columns at fixed
// addresses.
//
// A struct of arrays. Row r of an array of T lies at ARRAY + r * sizeof(T); field f of row r of the
// two string arrays lies at ARRAY + (f * BLOCK_ROWS + r) * 4. Strings are decoded UTF-8 somewhere
// in linear memory (in the input itself where they hold no escape) and valid until the next block
// is parsed; at least 16 bytes after each string's end may be read. A row whose verdict is not 0
// holds only its verdict and its byte range; the other arrays hold leftovers there. The addresses
// are exported from the module, so that tests can fill and read a block from JavaScript.

export const BLOCK_ROWS: i32 = 1024;

/** The length that means null (`platform`, `country`, `device_type` only). */
export const NULL_LENGTH: u32 = 0xffffffff;

/** u8: 0 accepted, else 1 + index into REJECTION_REASONS of src/event.ts. */
export const VERDICT: usize = memory.data(1024, 64);
/** u32: the event's byte range in the input, without the white space around. */
export const START: usize = memory.data(1024 * 4, 64);
export const END: usize = memory.data(1024 * 4, 64);
/** u8: index into EVENT_TYPES of src/event.ts. */
export const TYPE: usize = memory.data(1024, 64);
/** i64: microseconds since the epoch. */
export const TIMESTAMP: usize = memory.data(1024 * 8, 64);
/** f64: finite, |x| <= 1e9, never -0. */
export const REVENUE: usize = memory.data(1024 * 8, 64);
/** i64: the revenue in millionths, rounded half away from zero from its shortest decimal form. */
export const MILLIONTHS: usize = memory.data(1024 * 8, 64);
/** u32: field f is 0 event_id, 1 user_id, 2 campaign_id, 3 platform, 4 country, 5 device_type. */
export const STRING_FIELDS: i32 = 6;
export const STRING_ADDRESS: usize = memory.data(1024 * 4 * 6, 64);
export const STRING_LENGTH: usize = memory.data(1024 * 4 * 6, 64);
