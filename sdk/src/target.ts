/**
 * What is built. `sdk.js` is for pages only, without calls by the page's own code, and leaves out
 * what it does not need: the build sets this to true there.
 */
export const IS_SCRIPT: boolean = false
