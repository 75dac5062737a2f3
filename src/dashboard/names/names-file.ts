/**
 * The file of `campaignNames`: a CSV with the columns `campaign_id` and `name`, as spreadsheets of
 * any language save it. Cells are separated by commas, semicolons or tabs; other columns are
 * ignored. A file is used as a whole or not at all, and a fault says what to do.
 */
import { setImmediate } from 'node:timers/promises'
import { csvRows, delimiterOf, MalformedRows } from '../../csv.ts'

/** Names by campaign id. */
export type Names = ReadonlyMap<string, string>

export type NamesOrFault = Readonly<{ names: Names }> | Readonly<{ fault: string }>

/** More than 100,000 names of ordinary length. */
export const NAMES_BYTES_MAX: number = 16 * 1024 * 1024
const NAME_LENGTH_MAX = 200
const QUOTED_LENGTH_MAX = 60

const ID_COLUMN = 'campaign_id'
const NAME_COLUMN = 'name'
/** With such a line before the header, Excel knows the delimiter. */
const DELIMITER_LINE = /^sep=(.)$/
/** Longer than any header. */
const HEAD_BYTES_MAX = 4096
/** Parts of the file between which other work of the thread is done. */
const PART_BYTES = 64 * 1024
/** What Excel makes of a number of more than eleven digits: its other digits are lost. */
const ROUNDED = /^\d[.,]\d+E\+\d+$/i
const UTF16_MARKS = ['fffe', 'feff']
const UTF8_MARK = 'efbbbf'

/** Of all the file's bytes. */
export async function parseNames(bytes: Uint8Array): Promise<NamesOrFault> {
  try {
    return { names: await readNames(bytes) }
  } catch (error) {
    if (error instanceof UnusableNames || error instanceof MalformedRows) {
      return { fault: error.message }
    }
    throw error
  }
}

/** Thrown where a file cannot be used, and caught above. */
class UnusableNames extends Error {}

export function tooLargeText(bytes: number): string {
  return `it has ${bytes} bytes, and ${NAMES_BYTES_MAX} are the most`
}

async function readNames(bytes: Uint8Array): Promise<Names> {
  if (bytes.length > NAMES_BYTES_MAX) throw new UnusableNames(tooLargeText(bytes.length))
  if (UTF16_MARKS.includes(hexOf(bytes.subarray(0, 2)))) {
    throw new UnusableNames('it is UTF-16; save it as "CSV UTF-8"')
  }
  const content = hexOf(bytes.subarray(0, 3)) === UTF8_MARK ? bytes.subarray(3) : bytes
  const first = firstLineOf(content)
  const delimiter = DELIMITER_LINE.exec(first)?.[1]
  const skipped = delimiter === undefined ? 0 : first.length
  const rows = csvRows(partsOf(content.subarray(skipped)), delimiter ?? delimiterOf(first))
  const names = new Map<string, string>()
  let columns: Readonly<{ id: number; name: number }> | null = null
  for await (const row of rows) {
    if (row === null) continue
    const { cells } = row
    if (columns === null) {
      columns = { id: columnIn(cells, ID_COLUMN), name: columnIn(cells, NAME_COLUMN) }
      continue
    }
    const [id = '', name = ''] = [cells[columns.id], oneLine(cells[columns.name] ?? '')]
    if (id !== '' && name !== '') addName(names, id, name)
  }
  if (columns === null) throw new UnusableNames(`it is empty; ${HEADER_NEEDED}`)
  return names
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Only to find the delimiter: the rows are checked for what is not UTF-8. */
function firstLineOf(content: Uint8Array): string {
  const head = new TextDecoder().decode(content.subarray(0, HEAD_BYTES_MAX))
  return /^[^\r\n]*/.exec(head)?.[0] ?? ''
}

async function* partsOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    await setImmediate()
    yield bytes.subarray(at, at + PART_BYTES)
  }
}

const HEADER_NEEDED = `its first line must name the columns: ${ID_COLUMN},${NAME_COLUMN}`

function columnIn(header: readonly string[], column: string): number {
  const names = header.map((name) => name.trim().toLowerCase())
  const at = names.indexOf(column)
  if (at === -1) {
    throw new UnusableNames(`it has no column ${column}; ${HEADER_NEEDED}`)
  }
  if (names.indexOf(column, at + 1) === -1) return at
  throw new UnusableNames(`it has two columns ${column}; remove one`)
}

function addName(names: Map<string, string>, id: string, name: string): void {
  if (ROUNDED.test(id)) {
    throw new UnusableNames(
      `the id ${quoted(id)} was rounded by a spreadsheet; format its column as text, and enter ` +
        'the ids again',
    )
  }
  if (name.length > NAME_LENGTH_MAX) {
    throw new UnusableNames(
      `the name of ${quoted(id)} has more than ${NAME_LENGTH_MAX} characters; shorten it`,
    )
  }
  const known = names.get(id)
  if (known !== undefined && known !== name) {
    throw new UnusableNames(
      `the id ${quoted(id)} has two names, ${quoted(known)} and ${quoted(name)}; remove one`,
    )
  }
  names.set(id, name)
}

/** Cells may hold line breaks. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

function quoted(text: string): string {
  const shown = text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}…` : text
  return JSON.stringify(shown)
}
