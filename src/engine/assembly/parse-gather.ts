// The accepted events of a body as lines, in place: each ended by LF, after those of the previous
// blocks.
//
//   [{"a":1},{"b"},  {"c":3}]      the second is rejected
//   {"a":1}\n{"c":3}\n
//
// An event never moves back: each had at least one byte of its own that kept it from the next. So
// the lines never reach what is still to be parsed.

import { CR, hasMetFeed, LF, SPACE } from './parse-bytes';
import { hasFeeds } from './parse-predict';
import { END, START, VERDICT } from './rows';

let input: usize = 0;
let end: usize = 0;
/** Where the next line goes. */
let output: usize = 0;
/** Whether gathering has left every byte as and where it was. */
let isUntouched: bool = true;

/** The body whose byte 0 lies at `bodyStart`. */
export function beginGather(bodyStart: usize, bodyEnd: usize): void {
  input = bodyStart;
  end = bodyEnd;
  output = bodyStart;
  isUntouched = true;
}

/**
 * Gathers the first `rows` rows of the block, whose strings are gone after it; returns how many
 * bytes of lines there are by now, from the start of the input.
 */
export function gatherLines(rows: i32): usize {
  // White space was passed over here and now, or it is part of a text that was met again.
  const mayHoldFeeds = hasMetFeed || hasFeeds;
  for (let row = 0; row < rows; row++) {
    if (load<u8>(VERDICT + row) != 0) continue;
    const from = <usize>load<u32>(START + (<usize>row << 2));
    const length = <usize>load<u32>(END + (<usize>row << 2)) - from;
    if (output != input + from) {
      memory.copy(output, input + from, length);
      isUntouched = false;
    }
    if (mayHoldFeeds) flattenFeeds(output, output + length);
    output += length;
    if (load<u8>(output) != LF) isUntouched = false;
    store<u8>(output++, LF);
  }
  return output - input;
}

/** Whether the gathered lines are the whole body, byte by byte. */
export function isBodyItself(): bool {
  return isUntouched && output == end;
}

/** LF and CR become spaces: in an accepted event they occur between tokens only. */
function flattenFeeds(p: usize, to: usize): void {
  for (; p < to; p += 16) {
    const bytes = v128.load(p);
    const feeds = v128.or(i8x16.eq(bytes, i8x16.splat(0x0a)), i8x16.eq(bytes, i8x16.splat(0x0d)));
    if (v128.any_true(feeds)) flattenSixteen(p, to);
  }
}

function flattenSixteen(p: usize, to: usize): void {
  for (const last = min(p + 16, to); p < last; p++) {
    const byte = load<u8>(p);
    if (byte == LF || byte == CR) {
      store<u8>(p, SPACE);
      isUntouched = false;
    }
  }
}
