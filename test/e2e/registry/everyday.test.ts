import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  basic,
  digestOf,
  manifestOf,
  ociIndex,
  ociManifest,
  pushArtifact,
  pushBlob,
  serveRegistry,
  type Answered,
  type BuiltIn,
} from '../../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';

const MIB = 1024 * 1024;

// What people and their tools do with a registry beyond what the conformance suite asks.

describe('the built-in registry in everyday use', () => {
  let daemon: TestDaemon;
  let registry: BuiltIn;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    registry = await serveRegistry(daemon);
  });
  after(() => daemon[Symbol.asyncDispose]());

  async function skopeo(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await run('skopeo', ['--insecure-policy', ...words]);
    assert.equal(code, 0, `skopeo ${words.join(' ')}\n${stderr}`);
    return stdout;
  }

  async function curl(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await run('curl', ['-sSf', '--max-time', '60', ...words]);
    assert.equal(code, 0, `curl ${words.join(' ')}\n${stderr}`);
    return stdout;
  }

  function put(path: string, body: string, mediaType = ociManifest): Promise<Answered> {
    return registry.call('PUT', path, { body, headers: { 'content-type': mediaType } });
  }

  /** An index of two images of different platforms, as a build for both makes it. */
  async function pushIndex(repository: string, tag: string): Promise<{ index: string; images: string[] }> {
    const images = await Promise.all(
      ['amd64', 'arm64'].map(async (architecture) => {
        const config = JSON.stringify({
          architecture,
          os: 'linux',
          rootfs: { type: 'layers', diff_ids: [] },
        });
        await pushBlob(registry, repository, config);
        const described = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config) };
        const body = manifestOf('{}', [], { config: { ...described, size: config.length } });
        assert.equal((await put(`${repository}/manifests/${digestOf(body)}`, body)).status, 201);
        return { body, architecture };
      }),
    );
    const manifests = images.map(({ body, architecture }) => ({
      ...{ mediaType: ociManifest, digest: digestOf(body), size: body.length },
      platform: { architecture, os: 'linux' },
    }));
    const index = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests });
    assert.equal((await put(`${repository}/manifests/${tag}`, index, ociIndex)).status, 201);
    return { index: digestOf(index), images: manifests.map(({ digest }) => digest) };
  }

  it('answers HEAD as GET, and names the digest of everything that it gives and takes', async () => {
    const { index, images } = await pushIndex('same', 'both');
    const blob = await pushBlob(registry, 'same', 'a blob');
    for (const path of [
      `manifests/both`,
      `manifests/${index}`,
      `manifests/${images[0] ?? ''}`,
      `blobs/${blob}`,
    ]) {
      const [head, get] = await Promise.all([
        registry.call('HEAD', `same/${path}`),
        registry.call('GET', `same/${path}`),
      ]);
      assert.equal(head.body.length, 0);
      for (const { headers } of [head, get]) headers.delete('date');
      assert.deepEqual([...head.headers], [...get.headers], path);
      assert.equal(get.headers.get('docker-content-digest'), digestOf(get.body), path);
      assert.equal(get.headers.get('content-length'), String(get.body.length));
    }
    const mounted = await registry.call('POST', `other/blobs/uploads/?mount=${blob}&from=same`);
    assert.equal(mounted.headers.get('docker-content-digest'), blob);
    const missing = await registry.call('HEAD', 'same/manifests/none');
    assert.deepEqual([missing.status, missing.body.length], [404, 0]);
  });

  it('gives what is stored, whatever a client would rather have, and 304 to who has it already', async () => {
    const { index } = await pushIndex('accepted', '1');
    for (const accept of [ociManifest, 'application/vnd.docker.distribution.manifest.v2+json', '*/*']) {
      const { status, headers } = await registry.call('GET', 'accepted/manifests/1', { headers: { accept } });
      assert.deepEqual([status, headers.get('content-type')], [200, ociIndex], accept);
    }
    const known = { 'if-none-match': `"${index}"` };
    const again = await registry.call('GET', 'accepted/manifests/1', { headers: known });
    assert.deepEqual([again.status, again.body.length], [304, 0]);
  });

  it('goes on with a broken download at the byte where it stopped, and takes a large layer in chunks', async () => {
    const layer = randomBytes(40 * MIB + 3);
    const file = join(daemon.folder, 'layer');
    const digest = digestOf(layer);
    await writeFile(file, layer);
    const base = `http://${registry.host}`;
    const { headers } = await registry.call('POST', 'large/blobs/uploads/');
    let location = headers.get('location') ?? '';
    for (let at = 0; at < layer.length; at += 16 * MIB) {
      const end = Math.min(at + 16 * MIB, layer.length);
      await writeFile(`${file}.part`, layer.subarray(at, end));
      const range = ['-H', `Content-Range: ${at}-${end - 1}`, '-H', 'Content-Type: application/octet-stream'];
      const told = await curl('-X', 'PATCH', ...range, '-D', '-', '-T', `${file}.part`, `${base}${location}`);
      assert.match(told, new RegExp(`range: 0-${end - 1}\\r`, 'i'));
      location = /^location: (\S+)/im.exec(told)?.[1] ?? '';
    }
    await curl('-X', 'PUT', `${base}${location}?digest=${digest}`);
    const half = await open(`${file}.down`, 'w');
    await half.write(layer.subarray(0, 20 * MIB));
    await half.close();
    await curl('-C', '-', '-o', `${file}.down`, `${base}/v2/large/blobs/${digest}`);
    assert.equal(digestOf(await readFile(`${file}.down`)), digest);
  });

  it('pages its catalogue and tags to the end, each once and in order', async () => {
    const names = Array.from({ length: 7 }, (_, i) => `paged/app${i}`);
    for (const name of names) await pushArtifact(registry, name, '1', name);
    const tags = Array.from({ length: 25 }, (_, i) => `t${String(i).padStart(2, '0')}`);
    for (const tag of tags) await put(`paged/app0/manifests/${tag}`, manifestOf('{}', ['paged/app0']));
    const parse: (text: string) => Record<string, string[]> = JSON.parse;
    const pages = async (first: string, key: string): Promise<string[]> => {
      const seen: string[] = [];
      for (let path: string | undefined = first; path !== undefined;) {
        const { body, headers } = await registry.call('GET', path);
        const found = parse(body.toString())[key] ?? [];
        assert.ok(found.length <= 4);
        seen.push(...found);
        path = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
      }
      return seen;
    };
    const repositories = await pages('_catalog?n=4', 'repositories');
    assert.deepEqual(repositories, [...new Set(repositories)].sort());
    assert.deepEqual(
      repositories.filter((name) => name.startsWith('paged/')),
      names,
    );
    assert.deepEqual(await pages('paged/app0/tags/list?n=4', 'tags'), ['1', ...tags]);
    const none = await registry.call('GET', 'paged/app0/tags/list?n=0');
    assert.deepEqual(parse(none.body.toString())['tags'], []);
    assert.deepEqual(await pages('paged/app0/tags/list?n=4&last=t22', 'tags'), ['t23', 't24']);
  });

  it('keeps artifacts of any kind: charts of helm, files, and what refers to them', async () => {
    const types = {
      config: 'application/vnd.cncf.helm.config.v1+json',
      layer: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
    };
    const [config, chart] = ['{"name":"demo","version":"0.1.0"}', 'the archive of a chart'];
    for (const content of [config, chart, '{}']) await pushBlob(registry, 'charts/demo', content);
    const body = JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: types.config, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: types.layer, digest: digestOf(chart), size: chart.length }],
      annotations: { 'org.opencontainers.image.title': 'demo' },
    });
    assert.equal((await put('charts/demo/manifests/0.1.0', body)).status, 201);
    const digest = digestOf(body);
    assert.deepEqual(
      JSON.parse(await skopeo('inspect', '--tls-verify=false', '--raw', docker('charts/demo:0.1.0'))),
      JSON.parse(body),
    );
    const subject = { mediaType: ociManifest, digest, size: body.length };
    const note = manifestOf('{}', [], { artifactType: 'example/provenance', subject });
    const pushed = await put(`charts/demo/manifests/${digestOf(note)}`, note);
    assert.equal(pushed.headers.get('oci-subject'), digest);
    const { body: list } = await registry.call('GET', `charts/demo/referrers/${digest}`);
    assert.match(list.toString(), /"artifactType":"example\/provenance"/);
    const later = `sha256:${'0'.repeat(64)}`;
    const early = manifestOf('{}', [], { subject: { ...subject, digest: later } });
    assert.equal(
      (await put(`charts/demo/manifests/${digestOf(early)}`, early)).status,
      201,
      'before its subject',
    );
    const pull = await daemon.docker('pull', `${registry.host}/charts/demo:0.1.0`);
    assert.match(pull.stderr, /not an image/);
  });

  it('mounts a blob only out of a repository that the user may read', async () => {
    const blob = await pushBlob(registry, 'secret/app', 'nobody else may have this');
    const users = ['registry', 'users', 'add', 'dev', '--grant', 'dev/**=pull,push'];
    assert.equal((await daemon.berth(...users, { input: 'a long password\n' })).code, 0);
    const dev = basic('dev', 'a long password');
    for (const path of [`mount=${blob}&from=secret/app`, `mount=${blob}`]) {
      const { status } = await registry.call('POST', `dev/app/blobs/uploads/?${path}`, { headers: dev });
      assert.equal(status, 202, `${path}: it has to be sent`);
    }
    assert.equal((await registry.call('HEAD', `dev/app/blobs/${blob}`, { headers: dev })).status, 404);
    await daemon.berthOk('registry', 'users', 'grant', 'dev', 'secret/**', 'pull');
    const from = `dev/app/blobs/uploads/?mount=${blob}&from=secret/app`;
    assert.equal((await registry.call('POST', from, { headers: dev })).status, 201);
    await daemon.berthOk('registry', 'users', 'rm', 'dev');
  });

  it('is listed, copied whole, synchronized and deleted from by skopeo', async () => {
    await pushIndex('tools/app', 'both');
    await pushArtifact(registry, 'tools/app', 'one', 'a layer');
    const listed = await skopeo('list-tags', '--tls-verify=false', docker('tools/app'));
    assert.match(listed, /"both",\s+"one"/);
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    await skopeo('copy', ...plain, '--all', docker('tools/app:both'), docker('tools/copied:both'));
    const digests = await Promise.all(
      ['app', 'copied'].map(async (name) =>
        (await registry.call('HEAD', `tools/${name}/manifests/both`)).headers.get('docker-content-digest'),
      ),
    );
    assert.equal(digests[0], digests[1]);
    const words = ['sync', '--src', 'docker', '--dest', 'dir', '--all', '--src-tls-verify=false'];
    await skopeo(...words, `${registry.host}/tools/copied`, join(daemon.folder, 'synced'));
    const back = ['sync', '--src', 'dir', '--dest', 'docker', '--all', '--dest-tls-verify=false'];
    await skopeo(...back, join(daemon.folder, 'synced'), `${registry.host}/synced`);
    assert.equal(
      (await registry.call('HEAD', 'synced/copied/manifests/both')).headers.get('docker-content-digest'),
      digests[0],
    );
    await skopeo('delete', '--tls-verify=false', docker('tools/copied:both'));
    assert.equal((await registry.call('HEAD', 'tools/copied/manifests/both')).status, 404);
  });

  it('takes lists that docker manifest makes, and is searched by docker', async () => {
    for (const architecture of ['amd64', 'arm64']) {
      const name = `${registry.host}/lists/${architecture}:1`;
      await daemon.ok('tag', 'busybox', name);
      await daemon.ok('push', name);
    }
    const list = `${registry.host}/lists/all:1`;
    const parts = ['amd64', 'arm64'].map((name) => `${registry.host}/lists/${name}:1`);
    await daemon.ok('manifest', 'create', '--insecure', list, ...parts);
    await daemon.ok('manifest', 'annotate', '--arch', 'arm64', list, parts[1] ?? '');
    const digest = await daemon.ok('manifest', 'push', '--insecure', '--purge', list);
    assert.match(digest, /^sha256:[0-9a-f]{64}/m);
    assert.match(await daemon.ok('manifest', 'inspect', '--insecure', list), /"architecture": "amd64"/);
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', list, 'echo', 'listed'), 'listed');
    assert.match(await daemon.ok('search', `${registry.host}/lists`), /lists\/all/);
  });

  function docker(name: string): string {
    return `docker://${registry.host}/${name}`;
  }
});
