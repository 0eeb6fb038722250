import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  existsSync,
  mkdtempSync,
  rmSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { getXattr } from '#adapters/linux/libc.ts';
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

  it('are removed with what folders hold, and nothing behind a link', async () => {
    using at = place();
    writeFileSync(join(at.outside, 'kept'), '');
    mkdirSync(join(at.root, 'tmp', 'folder', 'deep'), { recursive: true });
    writeFileSync(join(at.root, 'tmp', 'folder', 'deep', 'file'), '');
    symlinkSync(at.outside, join(at.root, 'tmp', 'folder', 'link'));
    symlinkSync(at.outside, join(at.root, 'away'));
    assert.equal(await files.remove(at.root, '/away/kept'), false);
    assert.equal(await files.remove(at.root, '/tmp/folder'), true);
    assert.equal(await files.remove(at.root, '/tmp/folder'), false);
    assert.equal(await files.remove(at.root, '/away'), true);
    assert.deepEqual(readdirSync(at.root), ['tmp']);
    assert.deepEqual(readdirSync(at.outside), ['kept']);
    for (const path of ['/', '/tmp/..', ''])
      await assert.rejects(files.remove(at.root, path), { code: 'path-is-root' });
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

  it('keep capabilities, attributes and modes of devices in both directions', async () => {
    using at = place();
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const xattrs = new Map<string, Uint8Array>([
      ['security.capability', capability],
      ['user.note', Buffer.from('kept')],
      ['trusted.overlay.opaque', Buffer.from('y')],
    ]);
    const tar = archive(['able', 'file', { xattrs }], ['pipe', 'fifo', { mode: 0o666 }]);
    await files.unpack(at.root, '/tmp', tar, { keepKinds: false });
    const able = join(at.root, 'tmp', 'able');
    assert.deepEqual(getXattr(able, 'security.capability'), capability);
    assert.equal(getXattr(able, 'user.note')?.toString(), 'kept');
    assert.equal(getXattr(able, 'trusted.overlay.opaque'), undefined);
    assert.equal(statSync(join(at.root, 'tmp', 'pipe')).mode & 0o777, 0o666);
    await files.copyUp(at.root, '/tmp', at.outside);
    assert.deepEqual(getXattr(join(at.outside, 'able'), 'security.capability'), capability);
  });

  it('leave no descriptor open when all is packed, read to the end or not', async () => {
    using at = place();
    writeFileSync(join(at.root, 'tmp', 'file'), 'content');
    const before = readdirSync('/proc/self/fd').length;
    await files.packAll(at.root).forEach(() => undefined);
    const left = files.packAll(at.root);
    left.destroy();
    await once(left, 'close');
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });

  it('have names that are no UTF-8', async () => {
    using at = place();
    mkdirSync(Buffer.from(`${at.root}/tmp/caf\xe9`, 'latin1'));
    await files.unpack(at.root, '/tmp', archive(['caf\xe9/deep/f', 'file', {}]), { keepKinds: false });
    assert.deepEqual(readdirSync(Buffer.from(`${at.root}/tmp/caf\xe9/deep`, 'latin1')), ['f']);
    assert.deepEqual(readdirSync(join(at.root, 'tmp')).length, 1);
  });

  it('are unpacked from any compression; a source that breaks off is an error', async () => {
    using at = place();
    const tar = Buffer.concat([encodeHeader(tarEntry('f', 'file', {})), tarEnd]);
    for (const [name, packed] of Object.entries({
      gzip: gzipSync(tar),
      xz: execFileSync('xz', { input: tar }),
      bzip2: execFileSync('bzip2', { input: tar }),
    })) {
      await files.unpack(at.root, '/tmp', Readable.from([packed]), { keepKinds: false });
      assert.deepEqual(readdirSync(join(at.root, 'tmp')), ['f'], name);
      rmSync(join(at.root, 'tmp', 'f'));
    }
    const broken = Readable.from(
      (function* () {
        yield gzipSync(tar).subarray(0, 20);
        throw new Error('the client left');
      })(),
    );
    await assert.rejects(files.unpack(at.root, '/tmp', broken, { keepKinds: false }), /the client left/);
  });
});
