import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { busyboxTar } from '../../support/busybox.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';

const s390x = encodeURIComponent('{"os":"linux","architecture":"s390x"}');

describe('images elsewhere', { timeout: 120_000 }, () => {
  let daemon: TestDaemon;
  let registry: TestRegistry;
  before(async () => {
    registry = await startRegistry();
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  it('docker pull -a and clients that name no tag get all tags', async () => {
    const repository = `${registry.host}/team/tools`;
    for (const tag of ['1', '2', 'latest']) {
      await daemon.ok('tag', 'busybox', `${repository}:${tag}`);
      await daemon.ok('push', `${repository}:${tag}`);
      await daemon.ok('rmi', `${repository}:${tag}`);
    }
    const tags = (): Promise<string> =>
      daemon.ok('images', '--filter', `reference=${repository}`, '--format', '{{.Tag}}');
    await daemon.ok('pull', repository);
    assert.equal(await tags(), 'latest');
    await daemon.ok('pull', '-a', repository);
    assert.deepEqual((await tags()).split('\n').sort(), ['1', '2', 'latest']);
    await daemon.ok('tag', 'busybox', `${registry.host}/team/all:a`);
    await daemon.ok('tag', 'busybox', `${registry.host}/team/all:b`);
    assert.match(await daemon.ok('push', '-a', `${registry.host}/team/all`), /a: digest: [^]*b: digest: /);
    const missing = await daemon.docker('pull', '-a', `${registry.host}/team/none`);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /repository .*team\/none not found/);
  });

  it('docker search asks a registry that the term names, and says when an index is not there', async () => {
    await daemon.ok('tag', 'busybox', `${registry.host}/other/thing:1`);
    await daemon.ok('push', `${registry.host}/other/thing:1`);
    assert.equal(
      await daemon.ok('search', '--format', '{{.Name}}', `${registry.host}/thing`),
      `${registry.host}/other/thing`,
    );
    assert.equal(
      await daemon.ok('search', '--format', '{{.Name}}', '-f', 'stars=1', `${registry.host}/thing`),
      '',
    );
    const nobody = `127.0.0.1:${await freePort()}`;
    const { code, stderr } = await daemon.docker('search', `${nobody}/x`);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`Get "http://${nobody}/.*connection refused`));
  });

  it('docker search shows what an index answers', async () => {
    const server = createServer((request, response) => {
      const results = [
        { name: 'one', description: 'First', star_count: 7, is_official: true },
        { name: 'two', description: '', star_count: 0, is_official: false },
      ];
      response.setHeader('content-type', 'application/json');
      response.end(
        request.url?.startsWith('/v1/search?q=word&n=5') === true ? JSON.stringify({ results }) : '{}',
      );
    });
    const port = await freePort();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    try {
      const format = ['--format', '{{.Name}} {{.StarCount}} {{.IsOfficial}} {{.Description}}'];
      const shown = await daemon.ok('search', '--limit', '5', ...format, `127.0.0.1:${port}/word`);
      assert.equal(shown, 'one 7 [OK] First\ntwo 0  ');
      const official = await daemon.ok(
        'search',
        '--limit',
        '5',
        '-f',
        'is-official=true',
        ...format,
        `127.0.0.1:${port}/word`,
      );
      assert.equal(official, 'one 7 [OK] First');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('docker import reads from a web server, and says what that answers otherwise', async () => {
    const tar = await busyboxTar();
    const server = createServer((request, response) => {
      if (request.url === '/root.tar') response.end(tar);
      else response.writeHead(404).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address !== 'string');
    const url = `http://127.0.0.1:${address.port}`;
    try {
      assert.match(
        await daemon.ok('import', '--change', 'CMD ["echo","far"]', `${url}/root.tar`, 'far:1'),
        /sha256:/,
      );
      assert.equal(await daemon.ok('run', '--rm', '--network', 'none', 'far:1', '/bin/echo', 'far'), 'far');
      const { code, stderr } = await daemon.docker('import', `${url}/none.tar`, 'far:2');
      assert.equal(code, 1);
      assert.match(stderr, /failed to GET .*none\.tar with status 404 Not Found/);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('platforms of push, save and load are heeded', async () => {
    const folder = await mkdtemp('/var/tmp/b-save-');
    try {
      const archive = join(folder, 'saved.tar');
      await daemon.ok('save', '-o', archive, 'busybox');
      const wrong = await daemon.docker('load', '--platform', 'linux/s390x', '-i', archive);
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, /is of the platform linux\/\w+; required is linux\/s390x/);
      await daemon.ok(
        'load',
        '--platform',
        `linux/${process.arch === 'x64' ? 'amd64' : 'arm64'}`,
        '-i',
        archive,
      );
      await daemon.ok('tag', 'busybox', `${registry.host}/x:1`);
      const pushed = await daemon.api(
        'POST',
        `/v1.51/images/${registry.host}/x/push?tag=1&platform=${s390x}`,
      );
      assert.equal(pushed.status, 404);
      assert.match(pushed.text, /does not provide the specified platform/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('lists of containers name the manifest for versions that have it', async () => {
    await daemon.ok('create', '--name', 'listed', 'busybox');
    assert.match(
      (await daemon.api('GET', '/v1.48/containers/json?all=1')).text,
      /"ImageManifestDescriptor":\{"mediaType"/,
    );
    assert.ok(
      !(await daemon.api('GET', '/v1.47/containers/json?all=1')).text.includes('ImageManifestDescriptor'),
    );
  });
});
