import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { serveRegistry, type BuiltIn } from '../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { run } from '../support/docker.ts';
import { copy, crane, skopeo, Tools } from './tools.ts';

const nothing = ['run', '--rm', '--network', 'none'];

describe('images travel between Berth and other tools', () => {
  let daemon: TestDaemon;
  let registry: BuiltIn;
  let tools: Tools;
  /** `docker://HOST/PATH` */
  const at = (path: string): string => `docker://${registry.host}/${path}`;
  const file = (name: string): string => join(daemon.folder, name);
  const engine = (image: string): string => `docker-daemon:${image}`;
  const socket = (): string => daemon.host;

  before(async () => {
    daemon = await startDaemon();
    registry = await serveRegistry(daemon);
    tools = new Tools(daemon.folder);
    await daemon.loadBusybox();
    await build(
      'app:1',
      'FROM busybox\nRUN echo first >/first && mkdir /d && echo x >/d/x\nRUN rm -r /d && echo last >/last\nCMD ["cat","/last"]\n',
    );
    await daemon.ok('tag', 'app:1', `${registry.host}/team/app:1`);
    await daemon.ok('push', `${registry.host}/team/app:1`);
  });
  after(async () => {
    await tools[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
  });

  async function build(name: string, dockerfile: string): Promise<void> {
    await daemon.ok('build', '-t', name, '-', { input: dockerfile, environment: { DOCKER_BUILDKIT: '0' } });
  }

  const configDigest = (place: string, ...words: string[]): Promise<string> =>
    skopeo('inspect', '--raw', '--tls-verify=false', ...words, place).then((text) => {
      const parse: (text: string) => { config: { digest: string } } = JSON.parse;
      return parse(text).config.digest;
    });

  it("by skopeo from the engine's socket into every other place and back", async () => {
    // Skopeo writes the config anew where the format is another one; the layers stay.
    const layers = (image: string): Promise<string> =>
      daemon.ok('inspect', '-f', '{{json .RootFS.Layers}}', image);
    const places = [
      `docker-archive:${file('out.tar')}:app:2`,
      `oci:${file('layout')}:2`,
      `oci-archive:${file('oci.tar')}:2`,
      `dir:${file('dir')}`,
      at('team/out:2'),
    ];
    await mkdir(file('dir'));
    for (const [i, place] of places.entries()) {
      await copy(engine('app:1'), place, '--src-daemon-host', socket());
      await copy(place, engine(`back:${i}`), '--dest-daemon-host', socket());
      assert.equal(await layers(`back:${i}`), await layers('app:1'), place);
      assert.equal(await daemon.ok(...nothing, `back:${i}`), 'last', place);
    }
  });

  it('by skopeo out of archives that docker save wrote, into archives that docker load reads', async () => {
    await daemon.ok('save', '-o', file('saved.tar'), 'app:1');
    const id = await daemon.ok('inspect', '-f', '{{.Id}}', 'app:1');
    const from = `docker-archive:${file('saved.tar')}`;
    assert.equal(await configDigest(from), id);
    await copy(from, `docker-archive:${file('again.tar')}:loaded:1`);
    await copy(from, `oci-archive:${file('again-oci.tar')}:docker.io/library/loaded:2`);
    await daemon.ok('load', '-i', file('again.tar'));
    const told = await daemon.ok('load', '-i', file('again-oci.tar'));
    assert.match(told, /^Loaded image/m);
    assert.equal(await daemon.ok('inspect', '-f', '{{.Id}}', 'loaded:1'), id);
    // Compressing layers is skopeo's habit; what is in them counts.
    assert.equal(
      await daemon.ok('inspect', '-f', '{{.RootFS.Layers}}', id),
      await daemon.ok('inspect', '-f', '{{.RootFS.Layers}}', 'loaded:1'),
    );
  });

  it('whole, as an index of the engine with what is attested, into archives and registries and back', async () => {
    const name = `${registry.host}/team/attested:1`;
    const folder = file('attested');
    await mkdir(folder);
    await writeFile(
      join(folder, 'Dockerfile'),
      'FROM scratch\nARG TARGETARCH\nCOPY Dockerfile /$TARGETARCH\n',
    );
    const asked = ['--platform', 'linux/amd64,linux/arm64', '--provenance', 'true', '-t', name];
    const built = await daemon.berth('build', ...asked, folder);
    assert.equal(built.code, 0, built.stderr);
    const [saved, copied] = [file('attested.tar'), file('attested-copied.tar')];
    await daemon.ok('push', name);
    await daemon.ok('save', '-o', saved, name);
    const raw = (place: string): Promise<string> => skopeo('inspect', '--raw', '--tls-verify=false', place);
    const members = async (place: string): Promise<string[]> => {
      const parse: (text: string) => {
        manifests: { digest: string; annotations?: Record<string, string> }[];
      } = JSON.parse;
      return parse(await raw(place)).manifests.map(({ digest, annotations = {} }) =>
        [digest, ...Object.values(annotations)].join(' '),
      );
    };
    const whole = await members(at('team/attested:1'));
    assert.equal(whole.length, 4);
    assert.ok(whole.slice(2).every((each, i) => each.includes(whole[i] ?? '-')));
    assert.deepEqual(await members(`oci-archive:${saved}`), whole);
    await copy(`oci-archive:${saved}`, at('other/attested:2'), '--all', '--preserve-digests');
    await copy(at('other/attested:2'), `oci-archive:${copied}:docker.io/library/attested:3`, '--all');
    await daemon.ok('load', '-i', copied);
    await daemon.ok('tag', 'attested:3', `${registry.host}/other/attested:4`);
    await daemon.ok('push', `${registry.host}/other/attested:4`);
    assert.deepEqual(await members(at('other/attested:2')), whole);
    // Skopeo compresses the layers on its way.
    assert.deepEqual(await members(at('other/attested:4')), await members(`oci-archive:${copied}`));
    await daemon.ok('rmi', 'attested:3', name, `${registry.host}/other/attested:4`);
    await daemon.ok('pull', `${registry.host}/other/attested:4`);
    const last = `${registry.host}/other/attested:4`;
    const digest = (await crane('digest', '--insecure', last)).trim();
    const shown = await daemon.ok('inspect', '-f', '{{index .RepoDigests 0}}', last);
    assert.equal(shown, `${registry.host}/other/attested@${digest}`);
    assert.match(
      await crane('validate', '--insecure', '--fast', '--remote', `${registry.host}/other/attested:4`),
      /PASS/,
    );
  });

  it('whole, as an index of several platforms, through the registry', async () => {
    const layout = file('index');
    for (const platform of ['amd64', 'arm64', 's390x']) {
      await copy(engine('app:1'), `oci:${layout}:${platform}`, '--src-daemon-host', socket());
      await copy(`oci:${layout}:${platform}`, at(`team/many:${platform}`));
    }
    const members = ['amd64', 'arm64', 's390x'].map((each) => `${registry.host}/team/many:${each}`);
    const changed = await Promise.all(
      members.map(async (each, i) => {
        const platform = ['linux/amd64', 'linux/arm64/v8', 'linux/s390x'][i] ?? '';
        await crane(
          'mutate',
          '--insecure',
          each,
          '--set-platform',
          platform,
          '--label',
          `platform=${platform}`,
          '-t',
          each,
        );
        return ['-m', each];
      }),
    );
    const named = (path: string): string => `${registry.host}/${path}`;
    const digestOf = async (path: string): Promise<string> => crane('digest', '--insecure', named(path));
    await crane('index', 'append', '--insecure', ...changed.flat(), '-t', named('team/by-crane:1'));
    await crane('copy', '--insecure', named('team/by-crane:1'), named('other/by-crane:2'));
    assert.equal(await digestOf('other/by-crane:2'), await digestOf('team/by-crane:1'));
    // Skopeo 1.9 writes lists anew, which keeps the bytes of those of its own library.
    await tools.buildah('manifest', 'create', 'whole');
    for (const each of members)
      await tools.buildah('manifest', 'add', '--tls-verify=false', 'whole', `docker://${each}`);
    await tools.buildah('manifest', 'push', '--all', '--tls-verify=false', 'whole', at('team/index:1'));
    await mkdir(file('whole'));
    await copy(at('team/index:1'), `dir:${file('whole')}`, '--all', '--preserve-digests');
    await copy(`dir:${file('whole')}`, at('team/index:2'), '--all', '--preserve-digests');
    await copy(at('team/index:2'), at('other/index:3'), '--all', '--preserve-digests');
    await copy(at('team/index:1'), `oci:${file('whole-oci')}:1`, '--all');
    await copy(`oci:${file('whole-oci')}:1`, at('team/index:oci'), '--all');
    for (const path of ['team/index:2', 'other/index:3'])
      assert.equal(await digestOf(path), await digestOf('team/index:1'));
    for (const path of ['team/index:2', 'other/index:3', 'team/index:oci', 'other/by-crane:2'])
      assert.match(await crane('validate', '--insecure', '--remote', named(path)), /PASS/);
    assert.equal(await daemon.ok(...nothing, `${registry.host}/other/index:3`), 'last');
    const shown = await skopeo(
      'inspect',
      '--tls-verify=false',
      '--override-arch',
      's390x',
      at('other/index:3'),
    );
    assert.match(shown, /"Architecture": "s390x"/);
  });

  it('by podman: pushed, pulled, saved and loaded', async () => {
    await tools.podman('pull', '--tls-verify=false', `${registry.host}/team/app:1`);
    assert.equal((await tools.runs(`${registry.host}/team/app:1`)).trim(), 'last');
    for (const format of ['oci', 'v2s2']) {
      const name = `${registry.host}/team/podman:${format}`;
      await tools.podman(
        'push',
        '--tls-verify=false',
        '--format',
        format,
        `${registry.host}/team/app:1`,
        name,
      );
      assert.equal(await daemon.ok(...nothing, name), 'last');
    }
    for (const format of ['docker-archive', 'oci-archive']) {
      const archive = file(`podman-${format}.tar`);
      await tools.podman('save', '--format', format, '-o', archive, `${registry.host}/team/app:1`);
      await daemon.ok('rmi', `${registry.host}/team/app:1`);
      assert.match(await daemon.ok('load', '-i', archive), /team\/app:1/);
      assert.equal(await daemon.ok(...nothing, `${registry.host}/team/app:1`), 'last');
    }
    await daemon.ok('save', '-o', file('for-podman.tar'), 'app:1');
    assert.match(await tools.podman('load', '-i', file('for-podman.tar')), /docker\.io\/library\/app:1/);
  });

  it('by buildah: pulled as a base, committed, pushed, as one image and as a list', async () => {
    const name = `${registry.host}/team/buildah`;
    const container = (
      await tools.buildah('from', '--tls-verify=false', `${registry.host}/team/app:1`)
    ).trim();
    await writeFile(file('added'), 'by buildah');
    await tools.buildah('copy', container, file('added'), '/added');
    await tools.buildah('config', '--cmd', 'cat /added', '--label', 'made=buildah', container);
    await tools.buildah('commit', container, `${name}:1`);
    await tools.buildah('push', '--tls-verify=false', `${name}:1`);
    assert.equal(await daemon.ok(...nothing, `${name}:1`), 'by buildah');
    await tools.buildah('manifest', 'create', 'several', `${name}:1`);
    await tools.buildah(
      'manifest',
      'push',
      '--all',
      '--tls-verify=false',
      'several',
      `docker://${name}:several`,
    );
    assert.equal(await daemon.ok(...nothing, `${name}:several`), 'by buildah');
    assert.match(await crane('validate', '--insecure', '--fast', '--remote', `${name}:several`), /PASS/);
  });

  it('as crane finds them valid, in the registry and in archives', async () => {
    const name = `${registry.host}/team/app:1`;
    assert.match(await crane('validate', '--insecure', '--fast', '--remote', name), /PASS/);
    // Without --fast it takes every layer for one of gzip, also of images that it has made itself.
    const zstd = await run('zstd', ['-q', '-f', '-o', file('layer.tar.zst'), file('oci.tar')]);
    assert.equal(zstd.code, 0, zstd.stderr);
    const own = `${registry.host}/team/zstd:1`;
    await crane('append', '--insecure', '--oci-empty-base', '-f', file('layer.tar.zst'), '-t', own);
    for (const each of [own, name]) {
      const { code, stderr } = await run(process.env.CRANE ?? 'crane', [
        'validate',
        '--insecure',
        '--remote',
        each,
      ]);
      assert.notEqual(code, 0);
      assert.match(stderr, /gzip: invalid header/);
    }
    await daemon.ok('save', '-o', file('valid.tar'), 'app:1');
    assert.match(await crane('validate', '--tarball', file('valid.tar')), /PASS/);
    await crane('pull', '--insecure', name, file('pulled.tar'));
    await daemon.ok('load', '-i', file('pulled.tar'));
    await crane('push', '--insecure', file('valid.tar'), `${registry.host}/team/crane:1`);
    assert.match(await crane('validate', '--insecure', '--remote', `${registry.host}/team/crane:1`), /PASS/);
    await crane('copy', '--insecure', name, `${registry.host}/team/crane:2`);
    await crane(
      'append',
      '--insecure',
      '-b',
      name,
      '-f',
      file('valid.tar'),
      '-t',
      `${registry.host}/team/crane:3`,
    );
    await crane('flatten', '--insecure', name, '-t', `${registry.host}/team/crane:4`);
    for (const tag of ['1', '2', '3', '4'])
      assert.equal(await daemon.ok(...nothing, `${registry.host}/team/crane:${tag}`), 'last', tag);
    assert.equal(await crane('ls', '--insecure', `${registry.host}/team/crane`), '1\n2\n3\n4\n');
    assert.match(await crane('catalog', '--insecure', registry.host), /^team\/crane$/m);
    await crane('delete', '--insecure', `${registry.host}/team/crane:4`);
    await writeFile(file('exported.tar'), '');
    await crane('export', '--insecure', name, file('exported.tar'));
    assert.ok((await readFile(file('exported.tar'))).includes('last'));
  });
});
