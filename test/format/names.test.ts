/** File names: what is made is parsed, and what only looks alike is not ours. */
import t from 'tap'
import {
  DIRECTORY_LOST,
  isDurableName,
  journalName,
  manifestName,
  parseFileName,
  segmentName,
  snapshotName,
  tableName,
  temporaryName,
} from '../../lib/format/names.js'

t.test('numbered names', (t) => {
  t.equal(journalName(3), '000003.log')
  t.equal(tableName(5), '000005.ldb')
  t.equal(tableName(5, 'sst'), '000005.sst')
  t.equal(manifestName(2), 'MANIFEST-000002')
  t.equal(temporaryName(2), '000002.dbtmp')
  t.equal(journalName(123456789), '123456789.log')
  for (const number of [0, 1, 999999, 1000000, Number.MAX_SAFE_INTEGER]) {
    t.same(parseFileName(journalName(number)), { kind: 'journal', number })
    t.same(parseFileName(tableName(number)), { kind: 'table', number })
    t.same(parseFileName(tableName(number, 'sst')), { kind: 'table', number })
    t.same(parseFileName(manifestName(number)), { kind: 'manifest', number })
    t.same(parseFileName(temporaryName(number)), { kind: 'temporary', number })
  }
  t.same(parseFileName('000007.tmp'), { kind: 'temporary', number: 7 }, 'goleveldb')
  t.end()
})

t.test('numbered names of journal and map stores', (t) => {
  t.equal(segmentName(3), '00000003.journal')
  t.equal(snapshotName(123456789), '123456789.snapshot')
  for (const number of [0, 1, 99_999_999, 100_000_000, Number.MAX_SAFE_INTEGER]) {
    t.same(parseFileName(segmentName(number)), { kind: 'segment', number })
    t.same(parseFileName(snapshotName(number)), { kind: 'snapshot', number })
    for (const name of [segmentName(number), snapshotName(number)]) {
      t.same(parseFileName(`${name}.new`), { kind: 'temporary', number })
      t.ok(isDurableName(name) && isDurableName(`${name}.new`), name)
    }
  }
  for (const name of [
    journalName(3),
    tableName(3),
    manifestName(3),
    'CAIRN-SEAL',
    'CURRENT',
    'LOG',
  ])
    t.notOk(isDurableName(name), name)
  t.end()
})

t.test('fixed names', (t) => {
  const kinds: Record<string, string> = {
    CURRENT: 'current',
    'CURRENT.12': 'temporary',
    'CURRENT.bak': 'temporary',
    LOCK: 'lock',
    'cairn.lock': 'lock',
    'cairn.lock.1f-2.new': 'temporary',
    'CAIRN-SEAL': 'seal',
    'CAIRN-SEAL.new': 'temporary',
    'CAIRN-STORE': 'store',
    'CAIRN-STORE.new': 'temporary',
    KEYS: 'keys',
    'KEYS.new': 'temporary',
    LOG: 'log',
    'LOG.old': 'log',
  }
  for (const [name, kind] of Object.entries(kinds))
    t.same(parseFileName(name), { kind, number: 0 }, name)
  t.end()
})

t.test('everything else is unknown', (t) => {
  const names = [
    '',
    '.log',
    'log',
    '100',
    '100.',
    '100.lop',
    '100.LOG',
    '100.log ',
    ' 100.log',
    '100.log\n',
    '-1.log',
    '+1.log',
    '1e3.log',
    '0x10.log',
    '１.log',
    'MANIFEST',
    'MANIFEST-',
    'MANIFEST-3x',
    'XMANIFEST-3',
    'MANIFEST-000002\n',
    'CURRENT.',
    'CURRENT.x',
    'CURRENTX',
    'current',
    'LOCKS',
    'LOG.older',
    'CAIRN-SEAL.',
    'CAIRN-SEAL./x',
    DIRECTORY_LOST,
    '1.journal',
    '0000001.journal',
    '000000001.journal',
    '00000001.journals',
    '00000001.journal.old',
    '00000001.journal.new.new',
    '00000001.snapshot\n',
    'wal/00000001.journal',
    '9007199254740992.snapshot',
    'CAIRN-STORE.old',
    'CAIRN-STORES',
    'KEYS.',
    'keys',
    'KEYS.bak',
    '__proto__',
    'constructor',
    'toString',
    '9007199254740992.log',
    '9999999999999999.ldb',
    '18446744073709551616.log',
    'MANIFEST-99999999999999999',
  ]
  for (const name of names)
    t.same(parseFileName(name), { kind: 'unknown', number: 0 }, JSON.stringify(name))
  t.end()
})
