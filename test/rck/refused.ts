export const REFUSED: ReadonlyMap<string, string> = new Map()
