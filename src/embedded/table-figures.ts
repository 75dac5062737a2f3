/** What of a table is shown in status and meter. */
import type { TableView } from '../table.ts'
import type { TableFigures } from './message.ts'

export function tableFigures(view: TableView): TableFigures {
  return {
    rows: view.files.reduce((sum, file) => sum + file.rows, 0),
    files: view.files.length,
    bytes: view.files.reduce((sum, file) => sum + file.bytes, 0),
    snapshotId: view.snapshotId === null ? null : String(view.snapshotId),
  }
}
