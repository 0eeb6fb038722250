import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SecretRequest, SecretResponse } from '#adapters/buildkit/messages.ts';
import * as gateway from '#api/buildkit/gateway-messages.ts';
import * as messages from '#api/buildkit/messages.ts';
import { newId } from '#base/ids.ts';
import type { Message } from '#base/grpc/message.ts';
import { unary } from '#base/grpc/server.ts';
import { BuildkitClient, fileSend, fileSync, upgrade, type Files } from '../../support/buildkit-client.ts';
import { run } from '../../support/docker.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

const image = (name: string) => ({ type: 'moby', attributes: { name } });

describe("a client of BuildKit's protocol", () => {
  let daemon: TestDaemon;

  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const open = (context: Files, sent: string[] = []): Promise<BuildkitClient> =>
    BuildkitClient.open(daemon.socket, fileSync({ context, dockerfile: context }, sent), 'shared');

  it('builds a context of its own with arguments, is told of each step, and the image runs', async () => {
    await using client = await open({
      Dockerfile:
        'FROM busybox\nARG WORD\nCOPY in /in\nRUN echo $WORD >/word && echo said\nCMD cat /word /in/f\n',
      '.dockerignore': 'in/not\n',
      'in/f': 'file\n',
      'in/not': 'left out',
    });
    const ref = newId().slice(0, 25);
    const told = client.status(ref);
    const response = await client.solve({
      ref,
      attributes: { filename: 'Dockerfile', 'build-arg:WORD': 'given', 'label:from': 'buildkit' },
      exporters: [
        {
          type: 'moby',
          attributes: { name: 'kit/app:1,kit/app:2', 'annotation-manifest-descriptor.near': 'yes' },
        },
      ],
    });
    assert.equal(await daemon.ok('inspect', '-f', '{{.Descriptor.annotations.near}}', 'kit/app:2'), 'yes');
    assert.equal(await daemon.ok('run', '--rm', 'kit/app:1'), 'given\nfile');
    assert.equal(await daemon.ok('run', '--rm', 'kit/app:2', 'ls', '/in'), 'f');
    const inspected = await daemon.ok('inspect', '-f', '{{.Id}} {{.Config.Labels.from}}', 'kit/app:1');
    assert.equal(inspected, `${response['containerimage.config.digest'] ?? ''} buildkit`);
    assert.match(response['containerimage.digest'] ?? '', /^sha256:[0-9a-f]{64}$/);
    assert.equal(response['image.name'], 'docker.io/kit/app:1,docker.io/kit/app:2');
    const events = await told;
    const vertices = events.flatMap(({ vertexes }) => vertexes);
    const ended = vertices.filter(({ completed }) => completed !== undefined).map(({ name }) => name);
    for (const name of ['[internal] load build context', '[2/3] COPY in /in', 'exporting to image'])
      assert.ok(ended.includes(name), `${name}: ${ended.join(', ')}`);
    const logs = events.flatMap((event) => event.logs.map((log) => Buffer.from(log.text).toString()));
    assert.equal(logs.join(''), 'said\n');
  });

  it('what did not change since the last build is not sent again', async () => {
    const files = { Dockerfile: 'FROM busybox\nCOPY . /all\n', a: 'one', b: 'two' };
    for (const [change, expected] of [
      [{}, ['Dockerfile', 'a', 'b']],
      [{ b: 'changed' }, ['b']],
    ] as const) {
      const sent: string[] = [];
      await using client = await open({ ...files, ...change }, sent);
      await client.solve({ exporters: [image('kit/again')] });
      assert.deepEqual(sent.slice(-expected.length), expected);
      assert.ok(sent.length <= expected.length + 1, sent.join());
    }
    assert.equal(await daemon.ok('run', '--rm', 'kit/again', 'cat', '/all/a', '/all/b'), 'onechanged');
  });

  it('only what steps take is asked for: by paths, mounts and named contexts; triggers of a base may take anything', async () => {
    const context = { 'a/f': 'a', b1: 'b', 'c/f': 'c', unused: 'u', 'deep/unused': 'u' };
    const solve = async (dockerfile: string, name: string, more = {}): Promise<string[]> => {
      const sent: string[] = [];
      const folders = { context, dockerfile: { Dockerfile: dockerfile }, files: context };
      await using client = await BuildkitClient.open(daemon.socket, fileSync(folders, sent));
      const attributes = { 'context:files': 'local:files', ...more };
      await client.solve({ exporters: [image(name)], attributes });
      return sent.filter((path) => path !== 'Dockerfile');
    };
    assert.deepEqual(await solve('FROM busybox\nENV A=1\n', 'kit/nothing'), []);
    const taking = `FROM busybox
COPY a /a/
ADD b* /
RUN --mount=target=/m,source=c cat /m/f >/seen && ! [ -e /m/unused ]
COPY --from=files deep/unused /named
CMD cat /a/f /b1 /seen /named
`;
    assert.deepEqual(await solve(taking, 'kit/taking'), ['a/f', 'b1', 'c/f', 'deep/unused']);
    assert.equal(await daemon.ok('run', '--rm', 'kit/taking'), 'abcu');
    // What any platform takes, once.
    const each = `FROM scratch AS on-amd64
COPY a /x
FROM scratch AS on-arm64
COPY --from=files deep /x
FROM on-$TARGETARCH
COPY b1 c /x/
`;
    const platform = 'linux/amd64,linux/arm64';
    const taken = await solve(each, 'kit/each', { platform, 'no-cache': '' });
    assert.deepEqual(taken.sort(), ['a/f', 'b1', 'c/f', 'deep/unused']);
    const mounting = 'FROM busybox\nRUN --mount=target=/m cat /m/*/f /m/unused >/seen\nCMD cat /seen\n';
    assert.equal((await solve(mounting, 'kit/mounting')).length, 5);
    assert.equal(await daemon.ok('run', '--rm', 'kit/mounting'), 'acu');
    await solve('FROM busybox\nONBUILD COPY deep /deep\nONBUILD COPY --from=files c /c\n', 'kit/base');
    const upon =
      'FROM busybox AS one\nCOPY a/f /one\nFROM kit/base\nCOPY --from=one /one /\nCMD cat /deep/* /c/* /one\n';
    const sent = await solve(upon, 'kit/upon');
    assert.ok(
      ['a/f', 'deep/unused', 'c/f'].every((path) => sent.includes(path)),
      sent.join(),
    );
    assert.equal(await daemon.ok('run', '--rm', 'kit/upon'), 'uca');
  });

  it('secrets reach a RUN and stay out of the image', async () => {
    const methods = {
      ...fileSync({
        context: {},
        dockerfile: {
          Dockerfile: 'FROM busybox\nRUN --mount=type=secret,id=key,required wc -c </run/secrets/key >/n\n',
        },
      }),
      '/moby.buildkit.secrets.v1.Secrets/GetSecret': unary(SecretRequest, SecretResponse, ({ id }) =>
        Promise.resolve({ data: Buffer.from(`text of ${id}`) }),
      ),
    };
    await using client = await BuildkitClient.open(daemon.socket, methods);
    await client.solve({ exporters: [image('kit/secret')] });
    assert.equal(
      await daemon.ok('run', '--rm', 'kit/secret', 'sh', '-c', 'cat /n; ls /run/secrets 2>&1 | wc -l'),
      '11\n1',
    );
  });

  it('an archive of the files is sent to the client', async () => {
    const received: Buffer[] = [];
    const context = { Dockerfile: 'FROM scratch\nCOPY f /deep/f\n', f: 'exported' };
    const methods = { ...fileSync({ context, dockerfile: context }), ...fileSend(received) };
    await using client = await BuildkitClient.open(daemon.socket, methods);
    await client.solve({ exporters: [{ type: 'tar', attributes: {} }] });
    const tar = join(daemon.folder, 'out.tar');
    await writeFile(tar, Buffer.concat(received));
    const { stdout } = await run('tar', ['-xOf', tar, 'deep/f']);
    assert.equal(stdout, 'exported');
  });

  it('a client that is the frontend itself asks, returns and gets its image, as buildx does', async () => {
    await using client = await open({ Dockerfile: 'FROM busybox\nCOPY f /f\n', f: 'by the gateway' });
    const ref = newId().slice(0, 25);
    const solved = client.solve({ ref, frontend: '', exporters: [image('kit/gateway')] });
    const call = <Q, A>(name: string, types: readonly [Message<Q>, Message<A>], request: Partial<Q>) =>
      client.gateway(ref, name, types, request);
    const pong = await call('Ping', [messages.Nothing, gateway.PongResponse], {});
    assert.deepEqual(pong.workers[0]?.platforms[0]?.os, 'linux');
    const { result } = await call('Solve', [gateway.SolveRequest, gateway.SolveResponse], {
      frontend: 'dockerfile.v0',
      attributes: { filename: 'Dockerfile' },
    });
    const told = client.status(ref);
    await call('Warn', [messages.VertexWarning, messages.Nothing], { short: Buffer.from('take care') });
    await call('Return', [gateway.ReturnRequest, messages.Nothing], { result });
    await solved;
    const warnings = (await told).flatMap((event) => event.warnings);
    assert.ok(warnings.some(({ short }) => Buffer.from(short).toString() === 'take care'));
    assert.equal(await daemon.ok('run', '--rm', 'kit/gateway', 'cat', '/f'), 'by the gateway');
    await assert.rejects(call('NewContainer', [messages.Nothing, messages.Nothing], {}), {
      kind: 'unsupported',
      message: "NewContainer of BuildKit's gateway is not offered by this engine",
    });
  });

  it('a Dockerfile is checked without building it, and no other file of the client is asked for', async () => {
    const sent: string[] = [];
    await using client = await open({ Dockerfile: 'FROM busybox as one\nRUN exit 3\n', other: 'x' }, sent);
    const ref = newId().slice(0, 25);
    const solved = client.solve({ ref, frontend: '' });
    const call = <Q, A>(name: string, types: readonly [Message<Q>, Message<A>], request: Partial<Q>) =>
      client.gateway(ref, name, types, request);
    const { result } = await call('Solve', [gateway.SolveRequest, gateway.SolveResponse], {
      frontend: 'dockerfile.v0',
      attributes: {
        requestid: 'frontend.lint',
        'frontend.caps': 'moby.buildkit.frontend.subrequests+forward',
      },
    });
    const told = (name: string): string => Buffer.from(result?.metadata[name] ?? '').toString();
    assert.equal(told('result.statuscode'), '1');
    assert.match(told('result.txt'), /WARNING: FromAsCasing[^]*>>> FROM busybox as one/);
    await call('Return', [gateway.ReturnRequest, messages.Nothing], { result });
    assert.deepEqual(await solved, {});
    assert.deepEqual(sent, ['Dockerfile']);
  });

  it('what is wrong or not offered is said by name', async () => {
    await using client = await open({
      Dockerfile: 'FROM busybox\nRNU x\n',
      Fails: 'FROM busybox\nRUN exit 3\n',
    });
    await assert.rejects(
      client.solve({}),
      /dockerfile parse error on line 2: unknown instruction: RNU\nhint: did you mean 'RUN'/,
    );
    await assert.rejects(
      client.solve({ attributes: { filename: 'Fails' } }),
      /process "\/bin\/sh -c exit 3" did not complete successfully: exit code: 3/,
    );
    const wrong: [Parameters<typeof client.solve>[0], RegExp][] = [
      [{ attributes: { filename: 'None' } }, /open None: no such file or directory/],
      [{ attributes: { strange: 'x' } }, /the option 'strange' of a build is not offered/],
      [{ attributes: { 'attest:sbom': 'depth=2' } }, /'depth' is not offered/],
      [{ frontend: 'gateway.v0' }, /the frontend 'gateway.v0' is not offered/],
      [{ frontend: 'gateway.v0', attributes: { source: 'x/y' } }, /the frontend 'x\/y' is not offered/],
      [{ frontend: 'strange.v0' }, /the frontend 'strange.v0' is not offered/],
      [{ definition: { def: [Buffer.from('')], metadata: {} } }, /\(LLB\) is not offered/],
      [{ exporters: [{ type: 'strange', attributes: {} }] }, /exporter "strange" could not be found/],
      [{ entitlements: ['security.insecure'] }, /'security.insecure' is not allowed/],
      [{ exporters: [{ type: 'oci', attributes: { 'annotation-top.k': '' } }] }, /the level is one of/],
      [
        { exporters: [{ type: 'moby', attributes: { 'annotation.k': '' } }, image('kit/app:3')] },
        /other annotations for each output are not offered/,
      ],
      [{ exporters: [{ type: 'oci', attributes: { tar: 'false' } }] }, /option 'tar=false' of the exporter/],
      [{ cache: { imports: [], exports: [{ type: 's3', attributes: {} }] } }, /cache of type 's3'/],
      [{ sourcePolicySession: 'own' }, /policies of sources are not offered/],
      [{ entitlements: ['strange'] }, /the entitlement 'strange' is not offered/],
    ];
    for (const [request, message] of wrong) await assert.rejects(client.solve(request), message);
    // Both are waited for a while.
    await Promise.all([
      assert.rejects(client.solve({ session: 'none' }), /no active session for none/),
      assert.rejects(client.status('none'), /no such job none/),
    ]);
  });

  it('cancelling kills the step, and a client that vanishes leaves nothing', async () => {
    const folders = (): Promise<string[]> => readdir(join(daemon.root, 'builds'));
    // A command of its own, to be found among all processes.
    const sleep = String(1_000_000 + process.pid);
    const Dockerfile = `FROM busybox\nRUN echo up; sleep ${sleep}\n`;
    await using client = await open({ Dockerfile });
    const ref = newId().slice(0, 25);
    const abort = new AbortController();
    const solved = assert.rejects(client.solve({ ref }, abort.signal), /enough/);
    await client.saying(ref, 'up\n');
    abort.abort(new Error('enough'));
    await solved;
    await client.status(ref);
    const gone = await open({ Dockerfile });
    const lost = assert.rejects(gone.solve({ ref: `${ref}-2` }), { code: 'session-gone' });
    await gone.saying(`${ref}-2`, 'up\n');
    gone.vanish();
    await lost;
    await client.status(`${ref}-2`);
    assert.deepEqual(
      (await folders()).filter((name) => name !== 'kept' && !name.startsWith('removed-')),
      [],
    );
    const running = await Promise.all(
      (await readdir('/proc')).map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    assert.deepEqual(
      running.filter((line) => line.startsWith(`sleep\x00${sleep}`)),
      [],
    );
  });

  it('garbage on either connection ends it, and the next client is served', async () => {
    for (const path of ['/grpc', '/session']) {
      const headers = { 'X-Docker-Expose-Session-Uuid': newId() };
      const connection = await upgrade(daemon.socket, path, headers);
      connection.resume();
      connection.write('no HTTP/2 at all, '.repeat(1000));
      await new Promise((resolve) => connection.once('close', resolve));
    }
    await using client = await open({ Dockerfile: 'FROM busybox\n' });
    const { records } = await client.control(
      'ListWorkers',
      [messages.Nothing, messages.ListWorkersResponse],
      {},
    );
    assert.equal(records.length, 1);
  });

  it('tells what the build cache holds, prunes it, and remembers builds', async () => {
    await using client = await open({ Dockerfile: 'FROM busybox\nRUN echo kept >/kept\n' });
    const ref = newId().slice(0, 25);
    await client.solve({ ref });
    const usage = () =>
      client.control('DiskUsage', [messages.DiskUsageRequest, messages.DiskUsageResponse], {});
    assert.ok((await usage()).records.some(({ description }) => description.includes('echo kept')));
    const pruned = await client.listed('Prune', [messages.PruneRequest, messages.UsageRecord], { all: true });
    assert.ok(pruned.some(({ description }) => description.includes('echo kept')));
    assert.ok(!(await usage()).records.some(({ description }) => description.includes('echo kept')));
    const history = await client.listed(
      'ListenBuildHistory',
      [messages.HistoryRequest, messages.HistoryEvent],
      { ref, earlyExit: true },
    );
    assert.deepEqual(
      history.map(({ type, record }) => [type, record?.ref]),
      [[1, ref]],
    );
  });
});
