/** versitygw, from the Go module proxy. */

import { join } from 'node:path'
import type { ComposeFile } from '../compose-file.ts'
import { isOk, type NativeService } from '../native-service.ts'
import { installPart, runTool } from '../tools.ts'

const MODULE = 'github.com/versity/versitygw/cmd/versitygw'

export const s3: NativeService = {
  startLimitMs: 30_000,
  install: (values) => void program(values),
  command: ({ service, values }) => ({ argv: [program(values), ...service.command] }),
  isHealthy: ({ address }) => isOk(address('s3'), '/health'),
}

function program({ VERSITYGW_VERSION }: ComposeFile['values']): string {
  const module = `${MODULE}@v${VERSITYGW_VERSION}`
  const folder = installPart('versitygw', [module], (folder) => {
    runTool('go', ['install', module], { environment: { GOBIN: folder, CGO_ENABLED: '0' } })
  })
  return join(folder, 'versitygw')
}
