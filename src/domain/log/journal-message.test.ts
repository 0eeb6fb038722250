import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { journalField, journalMessage } from './journal-message.ts';

const subject = {
  id: 'ab'.repeat(32),
  name: 'web',
  imageName: 'nginx',
  tag: 'abababababab',
  extra: new Map([
    ['com.example/role', 'front'],
    ['TEXT', 'two\nlines'],
  ]),
};
const encoded = (data: string, stream: 'stdout' | 'stderr' = 'stdout'): Buffer =>
  Buffer.from(
    journalMessage({ stream, time: '2026-02-03T04:05:06.000000001Z', data: Buffer.from(data) }, subject, {
      epoch: 'now',
      ordinal: 4,
    }),
  );

describe("a message of the journal's protocol", () => {
  it("has the fields of Docker's driver", () => {
    const text = encoded('hello\n').toString();
    for (const field of [
      'CONTAINER_ID=abababababab',
      `CONTAINER_ID_FULL=${subject.id}`,
      'CONTAINER_NAME=web',
      'CONTAINER_TAG=abababababab',
      'SYSLOG_IDENTIFIER=abababababab',
      'IMAGE_NAME=nginx',
      'COM_EXAMPLE_ROLE=front',
      'SYSLOG_TIMESTAMP=2026-02-03T04:05:06.000000001Z',
      'CONTAINER_LOG_EPOCH=now',
      'CONTAINER_LOG_ORDINAL=4',
      'PRIORITY=6',
      'MESSAGE=hello',
    ])
      assert.ok(text.split('\n').includes(field), `${field} is not in\n${text}`);
    assert.ok(!text.includes('PARTIAL'));
  });

  it('gives values with a newline by their length', () => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(9n);
    const expected = Buffer.concat([Buffer.from('TEXT\n'), length, Buffer.from('two\nlines\n')]);
    assert.ok(encoded('x\n').includes(expected));
  });

  it('marks errors and pieces of lines', () => {
    const text = encoded('piece', 'stderr').toString();
    assert.match(text, /\nPRIORITY=3\n/);
    assert.match(text, /\nCONTAINER_PARTIAL_MESSAGE=true\n/);
    assert.match(text, /\nMESSAGE=piece\n$/);
  });

  it('takes names of fields that the journal takes', () => {
    assert.deepEqual(['a.b', '__x', '_', '9é'].map(journalField), ['A_B', 'X', '', '9_']);
  });
});
