import assert from 'node:assert/strict';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

const sleeps = 'command: sleep 1000, stop_grace_period: 0s';
const secret = 'a-token-of-the-build';
const files = {
  'compose.yaml': `
name: inputs
services:
  web:
    build:
      context: ./web
      pull: true
      additional_contexts: { shared: ./shared, tools: "service:tools", base: "service:tools" }
      secrets: [token, { source: of-a-variable, target: named }]
      cache_to: ["type=local,dest=./cache,mode=max"]
      no_cache_filter: [fresh]
    command: sleep 1000
    stop_grace_period: 0s
  tools: { build: ./tools, ${sleeps}, depends_on: [web] }
secrets:
  token: { file: ./token }
  of-a-variable: { environment: TOKEN }
`,
  '.env': 'TOKEN=another-token\n',
  token: secret,
  'shared/file': 'of the folder\n',
  'tools/Dockerfile': 'FROM busybox\nRUN echo of the service > /tool\n',
  'web/Dockerfile': `FROM base AS fresh
COPY --from=shared file /file
COPY --from=tools /tool /copied
RUN --mount=type=secret,id=token,required=true --mount=type=secret,id=named,required=true \\
  cat /run/secrets/token /run/secrets/named | wc -c > /size
`,
};

test('a build is given folders, the images of other services and secrets, which its image does not keep', async () => {
  const folder = join(daemon.folder, 'inputs');
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const up = await daemon.berth('up', '--yes', folder);
  assert.equal(up.code, 0, up.stderr);
  assert.doesNotMatch(up.stdout + up.stderr, /not honoured|a-token|another-token/);
  const found = await daemon.ok('exec', 'inputs-web-1', 'cat', '/tool', '/copied', '/file', '/size');
  const size = secret.length + 'another-token'.length;
  assert.deepEqual(found.split('\n'), ['of the service', 'of the service', 'of the folder', String(size)]);
  assert.equal(await daemon.ok('exec', 'inputs-web-1', 'ls', '/run/secrets').catch(() => ''), '');
  await access(join(folder, 'cache/index.json'));
  const told = [
    await daemon.ok('history', '--no-trunc', 'inputs-web'),
    await daemon.ok('inspect', 'inputs-web', 'inputs-web-1'),
  ].join('\n');
  assert.match(told, /mount=type=secret|\/run\/secrets/);
  assert.doesNotMatch(told, /a-token|another-token/);
  await writeFile(join(folder, 'tools/Dockerfile'), 'FROM busybox\nRUN echo changed > /tool\n');
  const again = await daemon.berth('up', '--yes', folder);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(await daemon.ok('exec', 'inputs-web-1', 'cat', '/copied'), 'changed');
  assert.equal((await daemon.berth('down', 'inputs')).code, 0);
});

const platforms = {
  'compose.yaml': `
name: platforms
services:
  web:
    image: platforms:1
    build: { context: ., platforms: [linux/amd64, linux/arm64], provenance: mode=max, sbom: true }
    ${sleeps.replace(', ', '\n    ')}
  other: { image: "platforms:1", platform: linux/arm64, pull_policy: never, depends_on: [web], ${sleeps} }
`,
  // The programs are this machine's for each platform, so that all of them run.
  Dockerfile: `FROM --platform=$BUILDPLATFORM busybox AS here
FROM scratch
COPY --from=here / /
ARG TARGETARCH
COPY $TARGETARCH /arch
`,
  amd64: 'for amd64',
  arm64: 'for arm64',
};

test('an image is built for several platforms and attested, and services run the one that they name', async () => {
  const folder = join(daemon.folder, 'platforms');
  await mkdir(folder);
  for (const [path, text] of Object.entries(platforms)) await writeFile(join(folder, path), text);
  const up = await daemon.berth('up', '--yes', folder);
  assert.equal(up.code, 0, up.stderr);
  assert.doesNotMatch(up.stdout + up.stderr, /not honoured/);
  assert.equal(await daemon.ok('exec', 'platforms-web-1', 'cat', '/arch'), 'for amd64');
  assert.equal(await daemon.ok('exec', 'platforms-other-1', 'cat', '/arch'), 'for arm64');
  const { text } = await daemon.api('GET', '/images/platforms:1/json?manifests=1');
  assert.deepEqual(text.match(/"Kind":"\w+"/g), [
    ...['"Kind":"image"', '"Kind":"image"', '"Kind":"attestation"', '"Kind":"attestation"'],
  ]);
  const again = await daemon.berth('up', '--yes', folder);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /^App platforms is up \(revision 1\)/m);
  assert.equal((await daemon.berth('down', 'platforms')).code, 0);
});
