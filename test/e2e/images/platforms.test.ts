import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as messages from '#api/buildkit/messages.ts';
import { newId } from '#base/ids.ts';
import { bytes, integer, message, text } from '#base/grpc/message.ts';
import { BuildkitClient, fileSync } from '../../support/buildkit-client.ts';
import { startDaemon } from '../../support/daemon.ts';
import { startRegistry } from '../../support/registry.ts';

const daemon = await startDaemon();
const registry = await startRegistry();
await daemon.loadBusybox();

after(async () => {
  await registry[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

// The programs are this machine's for each platform, so that all of them run.
const Dockerfile =
  'FROM --platform=$BUILDPLATFORM busybox AS here\nFROM scratch\nCOPY --from=here / /\nARG TARGETARCH\nCOPY $TARGETARCH /arch\n';
const context = { Dockerfile, amd64: 'for amd64', arm64: 'for arm64' };
const platform = 'linux/amd64,linux/arm64';
const other = ['--platform', 'linux/arm64'];

const open = (): Promise<BuildkitClient> =>
  BuildkitClient.open(daemon.socket, fileSync({ context, dockerfile: context }), 'shared');

/** As buildx asks by default. Gives what the client is told. */
async function build(name: string, attributes: Record<string, string>): Promise<Record<string, string>> {
  await using client = await open();
  return await client.solve({
    attributes: { 'attest:provenance': 'mode=min,inline-only=true', ...attributes },
    exporters: [{ type: 'moby', attributes: { name } }],
  });
}

const inspect = (field: string, ...args: string[]): Promise<string> =>
  daemon.ok('image', 'inspect', '--format', `{{${field}}}`, ...args);
const descriptorOf = (name: string): Promise<string> => inspect('.Descriptor.digest', name);

test('a build for two platforms is one image to the client, of which each platform runs', async () => {
  const since = String(Date.now() / 1000);
  const told = await build('two:1', { platform });
  const tags = [
    'events',
    '--since',
    since,
    '--until',
    String(Date.now() / 1000 + 1),
    '--filter',
    'event=tag',
  ];
  assert.equal(await daemon.ok(...tags, '--format', '{{.Actor.Attributes.name}}'), 'two:1');
  assert.equal(await descriptorOf('two:1'), told['containerimage.digest']);
  assert.equal(await inspect('.Id', 'two:1'), told['containerimage.config.digest']);
  assert.equal(await daemon.ok('images', '-aq', 'two'), (await inspect('.Id', 'two:1')).slice(7, 19));
  assert.equal(await daemon.ok('images', '-q', '--filter', 'dangling=true'), '');
  assert.match(await daemon.ok('images', '--tree', 'two:1'), /linux\/amd64[^]*linux\/arm64/);
  assert.equal(await daemon.ok('run', '--rm', 'two:1', 'cat', '/arch'), 'for amd64');
  const run = ['run', '--name', 'arm', ...other, 'two:1', 'cat', '/arch'];
  assert.equal(await daemon.ok(...run), 'for arm64');
  assert.equal(await daemon.ok('ps', '-a', '--filter', 'ancestor=two:1', '--format', '{{.Image}}'), 'two:1');
  assert.equal(await inspect('.Architecture', ...other, 'two:1'), 'arm64');
  assert.match(
    (await daemon.docker('image', 'inspect', '--platform', 'linux/s390x', 'two:1')).stderr,
    /s390x/,
  );
  const [first] = (await daemon.ok('history', '-q', '--no-trunc', ...other, 'two:1')).split('\n');
  assert.equal(first, await inspect('.Id', ...other, 'two:1'));
  const used = await daemon.docker('rmi', 'two:1');
  assert.match(used.stderr, /container [0-9a-f]{12} is using its referenced image/);
  await daemon.ok('rm', 'arm');
  await daemon.ok('rmi', 'two:1');
});

test('what is saved loads to the same digests, whole or for one platform', async () => {
  await build('saved:1', { platform });
  const digest = await descriptorOf('saved:1');
  const [whole, one] = [join(daemon.folder, 'whole.tar'), join(daemon.folder, 'one.tar')];
  await daemon.ok('save', '-o', whole, 'saved:1');
  await daemon.ok('save', ...other, '-o', one, 'saved:1');
  await daemon.ok('rmi', 'saved:1');
  assert.match(await daemon.ok('load', '-i', one), /Loaded image: saved:1/);
  assert.equal(await inspect('.Architecture', 'saved:1'), 'arm64');
  await daemon.ok('rmi', 'saved:1');
  await daemon.ok('load', ...other, '-i', whole);
  assert.equal(await inspect('.Architecture', 'saved:1'), 'arm64');
  await daemon.ok('load', '-i', whole);
  assert.equal(await inspect('.Architecture', 'saved:1'), 'amd64');
  assert.equal(await descriptorOf('saved:1'), digest);
  await daemon.ok('rmi', 'saved:1');
});

test('all that is here is pushed; of what was pulled for one platform that one, and Docker says so', async () => {
  const name = `${registry.host}/two:1`;
  await build(name, { platform });
  const pushed = /1: digest: (sha256:[0-9a-f]{64})/.exec(await daemon.ok('push', name))?.[1] ?? '';
  assert.equal(await inspect('index .RepoDigests 0', name), `${registry.host}/two@${pushed}`);
  await daemon.ok('rmi', name);
  assert.match(await daemon.ok('pull', name), new RegExp(`Digest: ${pushed}`));
  assert.equal(await descriptorOf(name), pushed);
  const copy = `${registry.host}/copy:1`;
  await daemon.ok('tag', name, copy);
  assert.match(await daemon.ok('push', copy), /Not all multiplatform-content is present/);
  assert.equal(await daemon.ok('run', '--rm', ...other, name, 'cat', '/arch'), 'for arm64');
  assert.equal(await daemon.ok('run', '--rm', name, 'cat', '/arch'), 'for amd64');
  assert.match(await daemon.ok('push', ...other, copy), /1: digest: sha256/);
  const removed = await daemon.ok('rmi', '-f', '--platform', 'linux/amd64', name);
  assert.match(removed, /Deleted: sha256:/);
  assert.equal(await inspect('.Architecture', name), 'arm64');
  const { stdout, stderr } = await daemon.docker('run', '--rm', name, 'cat', '/arch');
  assert.match(stderr, /platform \(linux\/arm64\) does not match the detected host platform/);
  assert.equal(stdout, 'for arm64');
  await daemon.ok('rmi', name, copy);
});

test('a build tells its provenance by the history, and attests the same image the same way each time', async () => {
  await using client = await open();
  const ref = newId().slice(0, 25);
  const attributes = { 'attest:provenance': 'mode=max', 'attest:sbom': 'generator=any', platform };
  const asked = {
    attributes: { ...attributes, 'build-arg:SOURCE_DATE_EPOCH': '1700000000' },
    exporters: [{ type: 'moby', attributes: { name: 'attested:1' } }],
  };
  const first = await client.solve({ ref, ...asked });
  const second = await client.solve(asked);
  assert.equal(first['containerimage.digest'], second['containerimage.digest']);
  const types = [messages.HistoryRequest, messages.HistoryEvent] as const;
  const [event] = await client.listed('ListenBuildHistory', types, { ref, earlyExit: true });
  const results = event?.record?.results ?? {};
  assert.deepEqual(Object.keys(results).sort(), ['linux/amd64', 'linux/arm64']);
  const [attested] = results['linux/arm64']?.attestations ?? [];
  const ReadRequest = message({ digest: text(1) });
  const ReadResponse = message({ data: bytes(2), offset: integer(1) });
  const { data } = await client.grpc.unary(
    '/containerd.services.content.v1.Content/Read',
    [ReadRequest, ReadResponse],
    { digest: attested?.digest ?? '' },
    new AbortController().signal,
  );
  assert.match(Buffer.from(data).toString(), /"buildConfig"[^]*COPY \$TARGETARCH \/arch/);
});

test('berth build makes an index, too, and tells its digest', async () => {
  const folder = join(daemon.folder, 'context');
  await mkdir(folder);
  for (const [name, content] of Object.entries(context)) await writeFile(join(folder, name), content);
  const { code, stdout, stderr } = await daemon.berth(
    ...['build', '--json', '--platform', platform, '--provenance', 'true', '-t', 'berth:1', folder],
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`"manifest":"${await descriptorOf('berth:1')}"`));
  assert.equal(await inspect('.Architecture', ...other, 'berth:1'), 'arm64');
  await daemon.ok('rmi', 'berth:1');
});

test('what docker save of others wrote for several platforms, and not all of it, is loaded as far as it goes', async () => {
  await build('part:1', { platform });
  const index = await daemon.api('GET', '/images/part:1/json?manifests=1');
  const parse: (text: string) => { Manifests: { ID: string; Available: boolean }[] } = JSON.parse;
  const { Manifests: all } = parse(index.text);
  await daemon.ok('rmi', '-f', ...other, 'part:1');
  const file = join(daemon.folder, 'part.tar');
  await daemon.ok('save', '-o', file, 'part:1');
  await daemon.ok('rmi', 'part:1');
  await daemon.ok('load', '-i', file);
  const { text: after } = await daemon.api('GET', '/images/part:1/json?manifests=1');
  const here = parse(after)
    .Manifests.filter(({ Available }) => Available)
    .map(({ ID }) => ID);
  assert.ok(here.includes(all[0]?.ID ?? '') && !here.includes(all[1]?.ID ?? ''));
  await writeFile(file, '');
});
