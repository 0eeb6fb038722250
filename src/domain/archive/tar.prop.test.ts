import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { paddingOf, type TarEntry, type TarType } from '#domain/archive/tar-entry.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { TarParser } from '#domain/archive/tar-parser.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';

/** Byte strings without NUL and slash, also such as are no UTF-8. */
const name = fc
  .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 130 })
  .map((codes) => String.fromCharCode(...codes).replaceAll('/', '_'));
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const bytes = fc.uint8Array({ maxLength: 1500 });
const types: TarType[] = ['file', 'hard-link', 'symlink', 'directory', 'character', 'block', 'fifo'];

interface Member {
  entry: TarEntry;
  content: Uint8Array;
}

const member: fc.Arbitrary<Member> = fc
  .record({
    type: fc.constantFrom(...types),
    path,
    linkName: path,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    gid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
    mtime: fc.integer({ min: -1000, max: 2 ** 34 }),
    major: fc.integer({ min: 0, max: 4095 }),
    minor: fc.integer({ min: 0, max: 2 ** 20 - 1 }),
    xattrs: fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,10}$/), fc.uint8Array({ maxLength: 300 })),
    content: bytes,
  })
  .map(({ type, content, path: given, linkName, major, minor, xattrs, ...rest }) => {
    const isNode = type === 'character' || type === 'block';
    const isLink = type === 'hard-link' || type === 'symlink';
    const body = type === 'file' ? content : new Uint8Array();
    const entry = tarEntry(type === 'directory' ? `${given}/` : given, type, {
      ...rest,
      size: body.length,
      linkName: isLink ? linkName : '',
      ...(isNode && { major, minor }),
      xattrs: new Map(Object.entries(xattrs)),
    });
    return { entry, content: body };
  });

function archiveOf(members: Member[]): Buffer {
  const parts = members.flatMap(({ entry, content }) => [
    encodeHeader(entry),
    content,
    new Uint8Array(paddingOf(content.length)),
  ]);
  return Buffer.concat([...parts, tarEnd]);
}

function parse(archive: Buffer, chunkSize: number): Member[] {
  const members: Member[] = [];
  let pieces: Uint8Array[] = [];
  const parser = new TarParser({
    entry: (entry) => members.push({ entry, content: new Uint8Array() }),
    data: (chunk) => pieces.push(chunk.slice()),
    end: () => {
      const last = members.at(-1);
      if (last !== undefined) last.content = new Uint8Array(Buffer.concat(pieces));
      pieces = [];
    },
  });
  for (let at = 0; at < archive.length; at += chunkSize) parser.push(archive.subarray(at, at + chunkSize));
  parser.end();
  return members;
}

test('what is written is read back, whatever the names, numbers, attributes and chunks', () => {
  fc.assert(
    fc.property(
      fc.array(member, { maxLength: 6 }),
      fc.integer({ min: 1, max: 3000 }),
      (members, chunkSize) => {
        assert.deepEqual(parse(archiveOf(members), chunkSize), members);
      },
    ),
  );
});

test('members are read one after another too, also when their content is skipped', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(member, { maxLength: 6 }),
      fc.integer({ min: 1, max: 2000 }),
      async (members, n) => {
        const archive = archiveOf(members);
        async function* chunks(): AsyncGenerator<Uint8Array> {
          for (let at = 0; at < archive.length; at += n)
            yield await Promise.resolve(archive.subarray(at, at + n));
        }
        const seen: TarEntry[] = [];
        for await (const { entry, body } of tarMembers(chunks())) {
          const expected = members[seen.length]?.content;
          seen.push(entry);
          if (seen.length % 3 === 0) continue;
          const got: Uint8Array[] = [];
          for await (const chunk of body) got.push(chunk);
          if (seen.length % 3 === 1) assert.deepEqual(new Uint8Array(Buffer.concat(got)), expected);
        }
        assert.deepEqual(
          seen,
          members.map(({ entry }) => entry),
        );
      },
    ),
    { numRuns: 50 },
  );
});

test('an archive that is cut or changed anywhere is read or refused as corrupt, nothing else', () => {
  const damage = fc.record({
    cut: fc.nat(),
    flips: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 3 }), damage, (members, { cut, flips }) => {
      const archive = archiveOf(members);
      for (const [at, value] of flips) archive[at % archive.length] = value;
      try {
        parse(archive.subarray(0, cut % (archive.length + 1)), 700);
      } catch (error) {
        assert.ok(error instanceof Error && 'code' in error && error.code === 'layer-corrupt', String(error));
      }
    }),
    { numRuns: 500 },
  );
});
