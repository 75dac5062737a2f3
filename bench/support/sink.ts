/**
 * The reference for HTTP: a bare `node:http` server that takes the same bodies and does nothing
 * with them. What it reaches is what the runtime and this machine allow.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const ANSWER = '{"accepted":1,"rejected":[]}'

const server = createServer((request, response) => {
  request.on('data', () => {})
  request.on('end', () => {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': ANSWER.length,
    })
    response.end(ANSWER)
  })
})
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
