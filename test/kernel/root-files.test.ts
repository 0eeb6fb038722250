import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import {
  chownSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  existsSync,
  mkdtempSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { DiskRootFiles } from '#adapters/rootfs/disk-root-files.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';

const files = new DiskRootFiles();

function place(): Disposable & { root: string; outside: string } {
  const folder = mkdtempSync('/var/tmp/berth-root-');
  const [root, outside] = [join(folder, 'root'), join(folder, 'outside')];
  for (const path of [root, outside, join(root, 'tmp')]) mkdirSync(path);
  return { root, outside, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

function archive(...entries: Parameters<typeof tarEntry>[]): Readable {
  return Readable.from([...entries.map((entry) => encodeHeader(tarEntry(...entry))), tarEnd]);
}

describe('files inside a root file system', () => {
  it('are found by absolute links as the container would find them', async () => {
    using at = place();
    writeFileSync(join(at.root, 'tmp', 'file'), 'inside');
    symlinkSync('/tmp', join(at.root, 'link'));
    assert.equal((await files.stat(at.root, '/link/file'))?.size, 6);
    assert.equal((await files.stat(at.root, '/link'))?.linkTarget, '/tmp');
    assert.equal(await files.stat(at.root, '/nosuch'), undefined);
  });

  it('are never reached outside by links or dots', async () => {
    using at = place();
    writeFileSync(join(at.outside, 'secret'), 'x');
    symlinkSync(at.outside, join(at.root, 'away'));
    symlinkSync('../../../../../../../../..' + at.outside, join(at.root, 'dots'));
    for (const path of ['/away/secret', '/dots/secret', '/../outside/secret'])
      assert.equal(await files.stat(at.root, path), undefined, path);
    await assert.rejects(files.pack(at.root, '/away/secret'), { kind: 'not-found' });
  });

  it('stay inside when an archive brings a link and writes through it', async () => {
    using at = place();
    const tar = archive(
      ['out', 'symlink', { linkName: at.outside }],
      ['out/pwned', 'file', {}],
      ['../../up', 'file', {}],
    );
    await files.unpack(at.root, '/tmp', tar, { keepKinds: false }).catch(() => undefined);
    assert.equal(existsSync(join(at.outside, 'pwned')), false);
    assert.equal(existsSync(join(at.root, '..', 'up')), false);
  });

  it('keep owner, mode and time through copyUp', async () => {
    using at = place();
    const folder = join(at.root, 'data');
    mkdirSync(folder, { mode: 0o750 });
    writeFileSync(join(folder, 'file'), 'content', { mode: 0o640 });
    chownSync(join(folder, 'file'), 12, 34);
    chownSync(folder, 56, 78);
    await files.copyUp(at.root, '/data', at.outside);
    const [copied, top] = [statSync(join(at.outside, 'file')), statSync(at.outside)];
    assert.equal(readFileSync(join(at.outside, 'file'), 'utf8'), 'content');
    assert.deepEqual([copied.uid, copied.gid, copied.mode & 0o777], [12, 34, 0o640]);
    assert.deepEqual([top.uid, top.gid, top.mode & 0o777], [56, 78, 0o750]);
    await files.copyUp(at.root, '/tmp', at.outside);
    assert.ok(existsSync(join(at.outside, 'file')), 'a target that is not empty stays as it is');
  });

  it('are not replaced by another kind when that is to be kept', async () => {
    using at = place();
    mkdirSync(join(at.root, 'tmp', 'name'));
    const file = archive(['name', 'file', {}]);
    await assert.rejects(
      files.unpack(at.root, '/tmp', file, { keepKinds: true }),
      /cannot overwrite directory/,
    );
  });
});
