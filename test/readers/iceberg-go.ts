/** iceberg-go: the documented lines in a program that prints the rows of a table. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installPart, runTool } from '../../deploy/stack/tools.ts'
import {
  documentedLines,
  metadataFile,
  type Row,
  type Site,
  type State,
} from '../interop/documented.ts'
import { BOTH, type Reader } from './reader.ts'

const MODULE = 'github.com/apache/iceberg-go'
const VERSION = 'v0.7.0'
const LIMITS = { timeout: 300_000, maxBuffer: 2 ** 28 }

const IMPORTS = `package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow/array"
	"${MODULE}/catalog/rest"
	"${MODULE}/io"
	"${MODULE}/table"
)
`
const MAIN = `
func main() {
	var loaded *table.Table
	if os.Args[1] == "Running" {
		loaded = running(context.Background(), os.Args[2], os.Args[3])
	} else {
		loaded = stopped(context.Background(), os.Args[2])
	}
	rows, err := loaded.Scan().ToArrowTable(context.Background())
	if err != nil {
		panic(err)
	}
	reader := array.NewTableReader(rows, 1<<16)
	for reader.Next() {
		batch := reader.RecordBatch()
		for at := range int(batch.NumRows()) {
			row := map[string]string{}
			for column, field := range batch.Schema().Fields() {
				row[field.Name] = batch.Column(column).ValueStr(at)
			}
			text, err := json.Marshal(row)
			if err != nil {
				panic(err)
			}
			fmt.Println(string(text))
		}
	}
}
`

export const icebergGo: Reader = {
  name: 'iceberg-go',
  states: BOTH,
  async open(site) {
    const program = installProgram(site)
    return {
      version: VERSION,
      async rows(state, table) {
        const place =
          state === 'Running' ? [`${site.url}/iceberg`, table] : [metadataFile(site.folder, table)]
        const { stdout } = await promisify(execFile)(program, [state, ...place], LIMITS)
        const lines = stdout.split('\n').filter((line) => line !== '')
        return lines.map((line) => JSON.parse(line) as Row)
      },
    }
  },
}

function installProgram(site: Site): string {
  const source = [
    IMPORTS,
    functionOf('running(ctx context.Context, url string, name string)', 'Running', site),
    functionOf('stopped(ctx context.Context, file string)', 'Stopped', site),
    MAIN,
  ].join('\n')
  const folder = installPart('iceberg-go', [source, VERSION], (folder) => {
    const go = (...words: readonly string[]): void => {
      runTool('go', words, { folder })
    }
    writeFileSync(join(folder, 'main.go'), source)
    go('mod', 'init', 'reader')
    go('get', `${MODULE}@${VERSION}`)
    go('mod', 'tidy')
    go('build', '-o', 'reader', '.')
  })
  return join(folder, 'reader')
}

/** Address and table of the documented lines are parameters. */
function functionOf(signature: string, state: State, site: Site): string {
  const table = 'campaign_metrics'
  const text = documentedLines('iceberg-go', state, site, table)
    .map((lines) => lines.text)
    .join('\n')
    .replaceAll(`"${site.url}/iceberg"`, 'url')
    .replaceAll(`"${table}"`, 'name')
  const end = 'if err != nil {\n\tpanic(err)\n}\nreturn loaded'
  return `func ${signature} *table.Table {\n${text}\n${end}\n}\n`
}
