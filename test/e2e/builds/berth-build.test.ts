import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { busyboxTar } from '../../support/busybox.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { tarOf } from '../../support/tar.ts';

describe('berth build', () => {
  let daemon: TestDaemon;

  function folderWith(files: Record<string, string>): string {
    const folder = mkdtempSync(join(daemon.folder, 'context-'));
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return folder;
  }

  before(async () => {
    daemon = await startDaemon();
    const root = folderWith({ Dockerfile: 'FROM scratch\nADD root.tar /\nENV PATH=/bin:/usr/bin\n' });
    writeFileSync(join(root, 'root.tar'), await busyboxTar());
    assert.equal((await daemon.berth('build', '-q', '-t', 'busybox', root)).code, 0);
  });
  after(() => daemon[Symbol.asyncDispose]());

  it('builds a folder, shows the steps and what the Dockerfile is warned of, and prints the id', async () => {
    const folder = folderWith({
      Dockerfile:
        'FROM busybox\nARG V\nCOPY --from=more m /m\nRUN --mount=type=secret,id=s echo "$V $(wc -c </run/secrets/s)" | tee /out\nCMD cat /out\n',
    });
    const more = folderWith({ m: 'more' });
    const words = ['-t', 'app:1', '--build-arg', 'V=given', '--build-context', `more=${more}`];
    const secret = ['--secret', `id=s,src=${join(more, 'm')}`];
    const { code, stdout, stderr } = await daemon.berth('build', ...words, ...secret, folder);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
    assert.match(stderr, /^#\d+ given 4$/m);
    assert.match(stderr, /1 warning of the Dockerfile:\n - JSONArgsRecommended: .*\n {3}Dockerfile:5 /);
    const again = await daemon.berth('build', ...words, ...secret, folder);
    assert.equal(again.stdout, stdout);
    assert.match(again.stderr, /^#\d+ CACHED$/m);
    assert.equal((await daemon.ok('run', '--rm', 'app:1')).trim(), 'given 4');
  });

  it('a Dockerfile alone, or an archive with all, comes on standard input', async () => {
    const build = (input: Buffer, ...words: string[]) =>
      daemon.berth('build', '-t', 'piped', ...words, '-', { input });
    const alone = await build(Buffer.from('FROM busybox\nCMD ["echo", "alone"]\n'));
    assert.equal(alone.code, 0, alone.stderr);
    assert.equal(await daemon.ok('run', '--rm', 'piped'), 'alone');
    const tar = await tarOf({ D: 'FROM busybox\nCOPY f /f\nCMD ["cat", "/f"]\n', f: 'of the archive' });
    for (const input of [tar, gzipSync(tar)]) {
      const { code, stderr } = await build(input, '-f', 'D', '--no-cache');
      assert.equal(code, 0, stderr);
      assert.equal(await daemon.ok('run', '--rm', 'piped'), 'of the archive');
    }
    const folder = folderWith({ f: 'of the folder' });
    const file = await daemon.berth('build', '-t', 'piped', '-f', '-', folder, {
      input: Buffer.from('FROM busybox\nCOPY f /f\nCMD ["cat", "/f"]\n'),
    });
    assert.equal(file.code, 0, file.stderr);
    assert.equal(await daemon.ok('run', '--rm', 'piped'), 'of the folder');
    for (const [words, message] of [
      [['-f', '-'], /is the context or the Dockerfile/],
      [['-f', 'D'], /there are two Dockerfiles: standard input and -f D/],
    ] as const) {
      const { code, stderr } = await build(Buffer.from('FROM busybox\n'), ...words);
      assert.equal(code, 1);
      assert.match(stderr, message);
    }
    const missing = await build(tar);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /Cannot locate specified Dockerfile: Dockerfile/);
  });

  it('a failure says file, line and caret, and exits with 1', async () => {
    const { code, stderr } = await daemon.berth(
      'build',
      folderWith({ Dockerfile: 'FROM busybox\nRUN exit 3\n' }),
    );
    assert.equal(code, 1);
    assert.match(stderr, /returned a non-zero code: 3/);
    assert.match(stderr, /Dockerfile:2/);
  });

  it('--check builds nothing and exits with 1 where there are warnings', async () => {
    const bad = await daemon.berth('build', '--check', folderWith({ Dockerfile: 'FROM busybox\nCMD x\n' }));
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /JSONArgsRecommended/);
    const good = await daemon.berth('build', '--check', folderWith({ Dockerfile: 'FROM busybox\n' }));
    assert.deepEqual([good.code, good.stdout], [0, 'Check complete, no warnings found.\n']);
  });

  it('--output writes files, archives and standard output', async () => {
    const folder = folderWith({ Dockerfile: 'FROM scratch\nCOPY a /d/a\n', a: 'content' });
    const out = join(folder, 'out');
    const outputs = [
      `type=local,dest=${out}`,
      `type=tar,dest=${out}.tar`,
      `type=oci,dest=${out}.oci,name=named:1`,
    ];
    const { code, stderr } = await daemon.berth('build', ...outputs.flatMap((each) => ['-o', each]), folder);
    assert.equal(code, 0, stderr);
    assert.equal(readFileSync(join(out, 'd/a'), 'utf8'), 'content');
    assert.ok(statSync(`${out}.tar`).size > 1024);
    const both = ['--platform', 'linux/amd64,linux/arm64', '-o', `type=oci,dest=${out}.both`];
    const attest = ['--provenance', 'mode=max', '--sbom', 'true'];
    const noted = ['--annotation', 'index:of=both', '--annotation', 'manifest[linux/arm64]:only=arm'];
    assert.equal((await daemon.berth('build', ...both, ...attest, ...noted, folder)).code, 0);
    const index = readFileSync(`${out}.both`, 'latin1');
    assert.match(index, /"architecture":"arm64"/);
    assert.match(
      index,
      /"annotations":\{"of":"both"\}[^]*"annotations":\{"only":"arm"\}|"only":"arm"[^]*"of":"both"/,
    );
    assert.equal(index.match(/"predicateType":"https:\/\/slsa.dev\/provenance\/v0.2"/g)?.length, 2);
    assert.equal(index.match(/"predicateType":"https:\/\/spdx.dev\/Document"/g)?.length, 2);
    await daemon.ok('rmi', 'named:1');
    assert.match(await daemon.ok('load', '-i', `${out}.oci`), /named:1/);
  });

  it('--verify confirms one digest, or names the first file that differs and exits with 1', async () => {
    const same = folderWith({ Dockerfile: 'FROM busybox\nRUN echo same >/f\n' });
    const good = await daemon.berth('build', '--verify', '-t', 'same', same);
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stderr, /reproducible: two builds without cache gave one digest/);
    const other = folderWith({
      Dockerfile: 'FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/etc/random\n',
    });
    const bad = await daemon.berth('build', '--verify', other);
    assert.equal(bad.code, 1);
    assert.match(
      bad.stderr,
      /not reproducible .*: etc\/random differs\n.*random\/uuid.*\n {2}content differs/,
    );
  });

  it('a cache that --cache-to wrote gives a daemon without any the steps', async () => {
    const folder = folderWith({ Dockerfile: 'FROM scratch\nCOPY a /a\nCOPY b /b\n', a: 'a', b: 'b' });
    const cache = join(daemon.folder, 'cache');
    const first = await daemon.berth('build', '--cache-to', `type=local,dest=${cache},mode=max`, folder);
    assert.equal(first.code, 0, first.stderr);
    await using other = await startDaemon();
    const second = await other.berth('build', '--cache-from', `type=local,src=${cache}`, folder);
    assert.equal(second.stdout, first.stdout, second.stderr);
    assert.equal(second.stderr.match(/CACHED/g)?.length, 2);
  });

  it('an option that is not offered is refused by its name', async () => {
    const folder = folderWith({ Dockerfile: 'FROM scratch\n' });
    const { code, stderr } = await daemon.berth('build', '-o', 'type=zip,dest=x', folder);
    assert.equal(code, 1);
    assert.match(stderr, /the type 'zip' is not offered/);
  });
});
