// Predicts the text between two values: `,"user_id":` and the like, white space included.
//
// Producers write their keys in few orders and always with the same spacing. A `link` is such a
// text as once read by the general scanner. Equal bytes in the same place mean the same, so
// recognising it again takes one comparison of 16 bytes. Each link keeps the links that came after
// it, the latest first; several producers with several key orders share them. What is not predicted
// is read by the general scanner, and learned. All is bounded: when the links are used up, learning
// stops, and starts afresh after a while.
//
//   link, 128 bytes:   0 text, 64 bytes   64 length   68 field   72 ignore   76 unused
//                     80 successors, 8 links, 0 where there is none

import { CLOSE_BRACE, COLON, COMMA, CR, LF, OPEN_BRACE, QUOTE, skipSpace } from './parse-bytes';
import { CLOSING, fieldNamed } from './parse-fields';
import { readString, stringAddress, stringLength } from './parse-string';

const LINK_BYTES: usize = 128;
const LINKS: i32 = 256;
const TEXT_BYTES_MAX: usize = 64;
const SUCCESSORS: usize = 80;
const SUCCESSOR_COUNT: usize = 8;
/** Texts that were not learned, after which everything is forgotten. */
const MISSES_MAX: i32 = 65536;

/** Link 0 is the opening: what came before the first key. It has successors only. */
export const OPENING: usize = memory.data(128 * 256, 64);
const LINKS_END: usize = OPENING + LINK_BYTES * LINKS;
let nextLink: usize = OPENING + LINK_BYTES;
let misses: i32 = 0;
/** Whether a text holds a line feed or a carriage return. */
export let hasFeeds: bool = false;

/** Stands for every text that could not be kept. */
const LOOSE: usize = memory.data(128, 64);

/** Links by their text: open addressing, twice as many places as links. */
const PLACES: u32 = 512;
const PLACE: usize = memory.data(512 * 4, 64);

/** Links by 9 of the bytes they begin with, most of a key: of links that share them the latest. */
const SHORTCUTS: usize = memory.data(1024 * 4, 64);

/** Where a key with escapes is decoded: the longest name of a field fits. */
const KEY: usize = memory.data(32, 16);
const KEY_BYTES_MAX: u32 = 16;

/** What the last `follow` found: the position of the value, or after the closing brace. */
export let linkEnd: usize = 0;

/** Forgets all texts; `onlyFeeds`: only if one of them holds a line feed or a carriage return. */
export function forgetLinks(onlyFeeds: bool): void {
  if (onlyFeeds && !hasFeeds) return;
  memory.fill(OPENING, 0, LINK_BYTES * LINKS);
  memory.fill(LOOSE, 0, LINK_BYTES);
  memory.fill(PLACE, 0, PLACES << 2);
  memory.fill(SHORTCUTS, 0, 1024 * 4);
  nextLink = OPENING + LINK_BYTES;
  misses = 0;
  // In the middle of a body it must be known that there was one.
  if (onlyFeeds) hasFeeds = false;
}

// @ts-ignore: decorator
@inline
export function linkField(link: usize): i32 {
  return load<i32>(link, 68);
}

/**
 * The link from `p`, after `previous`, and linkEnd; 0: neither a key nor the closing brace stands
 * there. `previous` is OPENING exactly when `p` is at the opening brace.
 */
// @ts-ignore: decorator
@inline
export function follow(previous: usize, p: usize): usize {
  const first = <usize>load<u32>(previous, SUCCESSORS);
  if (first != 0 && isAt(first, p)) {
    linkEnd = p + <usize>load<u32>(first, 64);
    return first;
  }
  return followOthers(previous, p);
}

// @ts-ignore: decorator
@inline
function isAt(link: usize, p: usize): bool {
  const equal = i8x16.bitmask(i8x16.eq(v128.load(p), v128.load(link)));
  if ((equal | load<i32>(link, 72)) != 0xffff) return false;
  return load<u32>(link, 64) <= 16 || isRestAt(link, p);
}

// @ts-ignore: decorator
@inline
function shortcut(p: usize): usize {
  const mixed = (load<u64>(p, 2) + load<u8>(p)) * 0x9e3779b97f4a7c15;
  return SHORTCUTS + <usize>((mixed >> 54) << 2);
}

/** The text past its first 16 bytes, the last 16 bytes first. */
function isRestAt(link: usize, p: usize): bool {
  const last = <usize>load<u32>(link, 64) - 16;
  if (!isSame(link + last, p + last)) return false;
  for (let i: usize = 16; i < last; i += 16) {
    if (!isSame(link + i, p + i)) return false;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function isSame(a: usize, b: usize): bool {
  return !v128.any_true(v128.xor(v128.load(a), v128.load(b)));
}

/**
 * The second successor, then what the bytes themselves point at, then the rest, then the scanner.
 */
function followOthers(previous: usize, p: usize): usize {
  const second = <usize>load<u32>(previous, SUCCESSORS + 4);
  if (second != 0 && isAt(second, p)) return promoted(previous, second, p);
  const known = <usize>load<u32>(shortcut(p));
  // Only after the opening may a text begin with a brace.
  const isPlaced = known != 0 && (load<u8>(known) == OPEN_BRACE) == (previous == OPENING);
  if (isPlaced && isAt(known, p)) return promoted(previous, known, p);
  for (let i: usize = 8; i < SUCCESSOR_COUNT << 2; i += 4) {
    const link = <usize>load<u32>(previous + i, SUCCESSORS);
    if (link == 0) break;
    if (isAt(link, p)) {
      store<u32>(previous + i, load<u32>(previous, SUCCESSORS + 4), SUCCESSORS);
      return promoted(previous, link, p);
    }
  }
  return scanLink(previous, p);
}

/** Puts the link first and the one that was first second. */
// @ts-ignore: decorator
@inline
function promoted(previous: usize, link: usize, p: usize): usize {
  store<u32>(previous, load<u32>(previous, SUCCESSORS), SUCCESSORS + 4);
  store<u32>(previous, <u32>link, SUCCESSORS);
  linkEnd = p + <usize>load<u32>(link, 64);
  return link;
}

function scanLink(previous: usize, start: usize): usize {
  let p = start;
  // At the opening brace a key or the closing brace comes next, later a comma and a key or the
  // brace.
  p = skipSpace(previous == OPENING ? p + 1 : p);
  if (load<u8>(p) == CLOSE_BRACE) {
    linkEnd = p + 1;
    return keepLink(previous, start, CLOSING);
  }
  if (previous != OPENING) {
    if (load<u8>(p) != COMMA) return 0;
    p = skipSpace(p + 1);
  }
  if (load<u8>(p) != QUOTE) return 0;
  p = readString(p + 1, KEY, KEY_BYTES_MAX);
  if (p == 0) return 0;
  const field = fieldNamed(stringAddress, stringLength);
  p = skipSpace(p);
  if (load<u8>(p) != COLON) return 0;
  linkEnd = skipSpace(p + 1);
  return keepLink(previous, start, field);
}

/** The link for the text from `start` to linkEnd, made a successor of `previous`. */
function keepLink(previous: usize, start: usize, field: i32): usize {
  const length = linkEnd - start;
  if (length > TEXT_BYTES_MAX) return looseLink(field);
  const place = findPlace(start, length);
  let link = <usize>load<u32>(place);
  if (link == 0) {
    if (nextLink == LINKS_END) {
      if (++misses > MISSES_MAX) forgetLinks(false);
      return looseLink(field);
    }
    link = nextLink;
    nextLink += LINK_BYTES;
    writeLink(link, start, length, field);
    store<u32>(place, <u32>link);
    store<u32>(shortcut(start), <u32>link);
  }
  // To the front; the last one falls off when all places are taken.
  const successors = previous + SUCCESSORS;
  memory.copy(successors + 4, successors, (SUCCESSOR_COUNT - 1) << 2);
  store<u32>(successors, <u32>link);
  return link;
}

function writeLink(link: usize, start: usize, length: usize, field: i32): void {
  memory.fill(link, 0, LINK_BYTES);
  memory.copy(link, start, length);
  store<u32>(link, <u32>length, 64);
  store<i32>(link, field, 68);
  store<i32>(link, length < 16 ? 0xffff & ~((1 << <i32>length) - 1) : 0, 72);
  for (let i: usize = 0; i < length; i++) {
    const byte = load<u8>(start + i);
    hasFeeds = hasFeeds || byte == LF || byte == CR;
  }
}

function looseLink(field: i32): usize {
  store<i32>(LOOSE, field, 68);
  return LOOSE;
}

/** The place of the link with this text, or the free one where it belongs. */
function findPlace(start: usize, length: usize): usize {
  let hash: u32 = <u32>length;
  for (let i: usize = 0; i < length; i++) hash = (hash ^ load<u8>(start + i)) * 0x01000193;
  let i = hash ^ (hash >> 15);
  while (true) {
    const place = PLACE + <usize>((i & (PLACES - 1)) << 2);
    const link = <usize>load<u32>(place);
    if (link == 0) return place;
    if (load<u32>(link, 64) == <u32>length && isText(link, start, length)) return place;
    i++;
  }
}

function isText(link: usize, start: usize, length: usize): bool {
  return memory.compare(link, start, length) == 0;
}
