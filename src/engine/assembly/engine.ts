// The module `engine`: bytes of JSON in, columns out. This file only lists what JavaScript may see.

export * from './columns-entry';
export { reserve } from './memory';
export {
  beginBody,
  bodyFault,
  inputAddress,
  openInput,
  parseBlock,
  rejectedRows,
} from './parse';
export { gatherLines, isBodyItself } from './parse-gather';
export {
  BLOCK_ROWS,
  END,
  MILLIONTHS,
  NULL_LENGTH,
  REVENUE,
  START,
  STRING_ADDRESS,
  STRING_FIELDS,
  STRING_LENGTH,
  TIMESTAMP,
  TYPE,
  VERDICT,
} from './rows';
