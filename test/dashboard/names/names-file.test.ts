/** The file of `campaignNames` as spreadsheets save it, and what makes it unusable. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NAMES_BYTES_MAX, parseNames } from '../../../src/dashboard/names/names-file.ts'

async function namesIn(content: string | Uint8Array): Promise<Record<string, string>> {
  const parsed = await parseNames(Buffer.from(content))
  assert.ok('names' in parsed, JSON.stringify(parsed))
  return Object.fromEntries(parsed.names)
}

async function faultOf(content: string | Uint8Array): Promise<string> {
  const parsed = await parseNames(Buffer.from(content))
  assert.ok('fault' in parsed)
  return parsed.fault
}

const TWO = { '12021234567890123': 'Frühling', b: 'Sale; 50 %, "now"' }

test('a file is read as spreadsheets of any language save it', async () => {
  const files = [
    'campaign_id,name\n12021234567890123,Frühling\nb,"Sale; 50 %, ""now"""\n',
    '\ufeffcampaign_id;name\r\n12021234567890123;Frühling\r\nb;"Sale; 50 %, ""now"""\r\n',
    'campaign_id\tname\r\n12021234567890123\tFrühling\r\nb\t"Sale; 50 %, ""now"""\r\n',
    'sep=;\r\ncampaign_id;name\r\n12021234567890123;Frühling\r\nb;"Sale; 50 %, ""now"""',
    '\ufeffsep=,\r\n"campaign_id","name"\r\n"12021234567890123","Frühling"\r\n"b","Sale; 50 %, ""now"""',
    'campaign_id,name\r12021234567890123,Frühling\rb,"Sale; 50 %, ""now"""\r',
    'spend,Name,Campaign_ID\n1,Frühling,12021234567890123\n2,"Sale; 50 %, ""now""",b\n',
  ]
  for (const file of files) assert.deepEqual(await namesIn(file), TWO, file)
})

test('a name is one line without space around it; an id is as it is', async () => {
  const file = 'campaign_id,name\n a ,"  two\r\nlines\t here "\n__proto__,own\n'
  const parsed = await parseNames(Buffer.from(file))
  assert.ok('names' in parsed)
  assert.deepEqual(
    [...parsed.names],
    [
      [' a ', 'two lines here'],
      ['__proto__', 'own'],
    ],
  )
})

test('rows without an id or a name, short rows and blank lines name nothing', async () => {
  const file = 'campaign_id,name\n\na,\n,Total\nb\n,,\nc,C\n'
  assert.deepEqual(await namesIn(file), { c: 'C' })
})

test('an id may come twice with the same name, not with two', async () => {
  assert.deepEqual(await namesIn('campaign_id,name\na,A\na, A \n'), { a: 'A' })
  assert.equal(
    await faultOf('campaign_id,name\na,A\nb,B\na,B\n'),
    'the id "a" has two names, "A" and "B"; remove one',
  )
})

test('a fault says what is wrong and what to do', async () => {
  const header = 'its first line must name the columns: campaign_id,name'
  const cases: readonly (readonly [content: string | Uint8Array, fault: RegExp])[] = [
    ['', new RegExp(`^it is empty; ${header}$`)],
    ['id,name\na,A\n', new RegExp(`^it has no column campaign_id; ${header}$`)],
    ['campaign_id,title\na,A\n', new RegExp(`^it has no column name; ${header}$`)],
    ['campaign_id,name,name\na,A,B\n', /^it has two columns name; remove one$/],
    ['campaign_id,name\na,"A\n', /never closes/],
    [
      Buffer.from('campaign_id,name\na,Fr\xfchling\n', 'latin1'),
      /not UTF-8; save the file as UTF-8/,
    ],
    [Buffer.from('\ufeffcampaign_id\tname\n', 'utf16le'), /^it is UTF-16; save it as "CSV UTF-8"$/],
    [
      'campaign_id;name\n1,20212E+17;Spring\n',
      /^the id "1,20212E\+17" was rounded by a spreadsheet/,
    ],
    ['campaign_id,name\n1.20212E+17,Spring\n', /format its column as text/],
    [`campaign_id,name\na,${'x'.repeat(201)}\n`, /^the name of "a" has more than 200 characters/],
    [new Uint8Array(NAMES_BYTES_MAX + 1), /^it has 16777217 bytes, and 16777216 are the most$/],
  ]
  for (const [content, fault] of cases) assert.match(await faultOf(content), fault)
})

test('what a fault quotes of a file cannot command a terminal', async () => {
  const fault = await faultOf('campaign_id,name\n\u001b[31m,A\n\u001b[31m,B\n')
  assert.ok(!fault.includes('\u001b'), fault)
})

test('100,000 names are read', async () => {
  const lines = Array.from(
    { length: 100_000 },
    (_, at) => `120210000000${10_000 + at},Campaign number ${at}\n`,
  )
  const parsed = await parseNames(Buffer.from(`campaign_id,name\n${lines.join('')}`))
  assert.ok('names' in parsed)
  assert.equal(parsed.names.size, 100_000)
  assert.equal(parsed.names.get('120210000000109999'), 'Campaign number 99999')
})
