import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { busyboxTar } from '../../support/busybox.ts';
import { leaksOf } from '../../support/leaks.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

const classic = { environment: { DOCKER_BUILDKIT: '0' } };

describe('docker build', () => {
  let daemon: TestDaemon;
  const context = (files: Record<string, string>): string => contextIn(daemon.folder, files);

  before(async () => {
    daemon = await startDaemon();
    await buildBusybox(daemon);
  });
  after(() => daemon[Symbol.asyncDispose]());

  it('docker build prints what Docker prints, and docker run runs the result', async () => {
    const folder = context({
      Dockerfile:
        'FROM busybox\nARG V=d\nENV E=$V\nCOPY f /f\nWORKDIR /w\nRUN pwd > p && echo $E >> p\nLABEL l=$V\nUSER 1234\nCMD ["cat","/w/p","/f"]\n',
      f: 'file\n',
    });
    const { code, stdout, stderr } = await daemon.docker(
      'build',
      '--build-arg',
      'V=given',
      '-t',
      'app:1',
      '-t',
      'app:2',
      folder,
      classic,
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Sending build context to Docker daemon +[\d.]+kB\r*\n/);
    assert.match(stdout, /Step 1\/9 : FROM busybox\n ---> [0-9a-f]{12}\nStep 2\/9 : ARG V=d\n/);
    assert.match(
      stdout,
      /\nSuccessfully built [0-9a-f]{12}\nSuccessfully tagged app:1\nSuccessfully tagged app:2\n/,
    );
    assert.equal(await daemon.ok('run', '--rm', 'app:1'), '/w\ngiven\nfile');
    const inspected = await daemon.ok(
      'inspect',
      '-f',
      '{{json .Config.Labels}} {{.Config.User}} {{.Config.WorkingDir}} {{json .Config.Env}}',
      'app:2',
    );
    assert.equal(inspected, '{"l":"given"} 1234 /w ["PATH=/bin:/usr/bin","E=given"]');
    const history = await daemon.ok('history', '--no-trunc', '--format', '{{.CreatedBy}}', 'app:1');
    assert.deepEqual(history.split('\n').slice(0, 4), [
      '/bin/sh -c #(nop)  CMD ["cat" "/w/p" "/f"]',
      '/bin/sh -c #(nop)  USER 1234',
      '/bin/sh -c #(nop)  LABEL l=given',
      '|1 V=given /bin/sh -c pwd > p && echo $E >> p',
    ]);
    const again = await daemon.ok('build', '-q', '--build-arg', 'V=given', folder, classic);
    assert.equal(again, await daemon.ok('inspect', '-f', '{{.Id}}', 'app:1'));
  });

  it("a RUN step has the network of the default bridge, Docker's capabilities and its own names", async () => {
    const folder = context({
      Dockerfile:
        'FROM busybox\nRUN ip addr show eth0 && grep CapEff /proc/self/status && cat /etc/hosts && id -u\nRUN --network=none ! ip addr show eth0\n',
    });
    const output = await daemon.ok('build', '--add-host', 'given:10.1.2.3', folder, classic);
    assert.match(output, /inet 1\d+\.\d+\.\d+\.\d+\/\d+/);
    assert.match(output, /CapEff:\s+00000000a80425fb/);
    assert.match(output, /10\.1\.2\.3\s+given/);
  });

  it('a client without buildx builds by itself in the classic way', async () => {
    const folder = context({
      Dockerfile: 'FROM busybox AS a\nFROM busybox AS unused\nRUN exit 1\nFROM a\nCMD ["x"]\n',
    });
    const { code, stdout } = await daemon.docker('build', '-f', join(folder, 'Dockerfile'), folder);
    assert.equal(code, 0);
    assert.match(stdout, /Successfully built [0-9a-f]{12}\n$/);
  });

  it('the Dockerfile may come by stdin, with a context and without', async () => {
    const folder = context({ f: 'from the context' });
    const input = 'FROM busybox\nCOPY f /f\n';
    await daemon.ok('build', '-t', 'by-stdin', '-f', '-', folder, { ...classic, input });
    assert.equal(await daemon.ok('run', '--rm', 'by-stdin', 'cat', '/f'), 'from the context');
    await daemon.ok('build', '-t', 'alone', '-', {
      ...classic,
      input: 'FROM busybox\nCMD ["echo","alone"]\n',
    });
    assert.equal(await daemon.ok('run', '--rm', 'alone'), 'alone');
  });

  it('pruning the builder frees what only the cache held', async () => {
    const folder = context({
      Dockerfile: 'FROM busybox AS a\nRUN echo only > /here\nFROM busybox\nCOPY --from=a /here /there\n',
    });
    await daemon.ok('build', '-t', 'pruned', folder, classic);
    const nameless = (): Promise<string> => daemon.ok('images', '-qf', 'dangling=true');
    assert.notEqual(await nameless(), '');
    assert.match(await daemon.ok('builder', 'prune', '-f'), /Total reclaimed space: [^0]/);
    assert.equal(await nameless(), '');
    assert.equal(await daemon.ok('run', '--rm', 'pruned', 'cat', '/there'), 'only');
  });

  it('the cache is listed, and pruned by filters and down to a size', async () => {
    await daemon.ok('builder', 'prune', '-af');
    const folder = context({
      Dockerfile: 'FROM busybox\nRUN head -c 300000 /dev/zero > /one\nRUN head -c 500000 /dev/zero > /two\n',
    });
    await daemon.ok('build', '-t', 'cached', folder, classic);
    const list = async (): Promise<string[]> => {
      const format = '{{range .BuildCache}}{{.CacheType}} {{.Description}}#{{end}}';
      const shown = await daemon.ok('system', 'df', '-v', '--format', format);
      return shown.split('#').filter((line) => line !== '');
    };
    assert.deepEqual((await list()).sort(), [
      'regular /bin/sh -c head -c 300000 /dev/zero > /one',
      'regular /bin/sh -c head -c 500000 /dev/zero > /two',
    ]);
    const prune = async (...words: string[]): Promise<number> => {
      await daemon.ok('builder', 'prune', '-f', ...words);
      return (await list()).length;
    };
    assert.equal(await prune('--filter', 'until=1h'), 2);
    assert.equal(await prune('--filter', 'description=nothing of it'), 2);
    assert.equal(await prune('--keep-storage', '10m'), 2);
    assert.equal(await prune('--keep-storage', '400k'), 1);
    assert.match((await list()).join(''), /one/);
    assert.match(await daemon.ok('build', '-t', 'cached', folder, classic), /Using cache/);
    assert.equal(await prune('--filter', 'shared=true'), 1);
    assert.equal(await prune(), 0);
  });

  it('a failing step exits with its code and says file and line; nothing of it is left', async () => {
    const folder = context({ Dockerfile: 'FROM busybox\nRUN echo before; exit 42\n' });
    const { code, stdout, stderr } = await daemon.docker('build', folder, classic);
    assert.equal(code, 42);
    assert.match(stdout, /\nbefore\n/);
    assert.match(
      stderr,
      /^The command '\/bin\/sh -c echo before; exit 42' returned a non-zero code: 42\nDockerfile:2:1\n {2}2 \| RUN echo/m,
    );
    assert.equal(await daemon.ok('ps', '-aq'), '');
  });

  it('a base that cannot be had is told with the place of its FROM', async () => {
    const folder = context({ Dockerfile: 'FROM busybox\nFROM localhost:1/nothing AS second\n' });
    const { code, stderr } = await daemon.docker('build', folder, classic);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /localhost:1.*connection refused\nDockerfile:2:1\n {2}2 \| FROM localhost:1\/nothing AS second\n {4}\| \^+/,
    );
  });

  it('an unknown instruction is refused before anything runs, with its line and a caret', async () => {
    const folder = context({ Dockerfile: 'FROM busybox\nRUN touch /ran\nCPOY a b\n' });
    const { code, stdout, stderr } = await daemon.docker('build', folder, classic);
    assert.equal(code, 1);
    assert.ok(!stdout.includes('Step 1'));
    assert.match(
      stderr,
      /dockerfile parse error on line 3: unknown instruction: CPOY\nDockerfile:3:1\n {2}3 \| CPOY a b\n {4}\| \^{4}\n {2}did you mean 'COPY'\?/,
    );
  });

  it('requests that cannot be served are refused by name', async () => {
    const cases: [query: string, status: number, words: RegExp][] = [
      ['remote=nothing', 400, /'nothing' is no context/],
      ['buildargs=%7B', 400, /invalid query parameter 'buildargs'/],
      ['labels=%5B1%5D', 400, /invalid query parameter 'labels'/],
      ['memory=much', 400, /invalid query parameter 'memory'/],
      ['squash=1', 400, /squash is only supported/],
      ['t=UPPER', 400, /invalid reference format/],
      [`t=x@sha256:${'0'.repeat(64)}`, 400, /build tag cannot contain a digest/],
      ['t=sha256:1', 400, /refusing to create an ambiguous tag/],
      ['platform=a/b/c/d', 400, /a\/b\/c\/d\\": cannot parse platform specifier: invalid argument/],
      ['isolation=hyperv', 400, /unsupported isolation: \\"hyperv/],
      ['securityopt=label:x', 400, /security options are not supported on linux/],
      ['', 400, /Cannot locate specified Dockerfile: Dockerfile/],
    ];
    const empty = execFileSync('tar', ['-c', '-C', context({}), '.']);
    for (const [query, status, words] of cases) {
      const answer = await daemon.api('POST', `/build?${query}`, empty);
      assert.equal(answer.status, status, `${query}: ${answer.text}`);
      assert.match(answer.text, words);
    }
  });

  it('a client that goes away stops the build; a killed daemon leaves nothing of it', async () => {
    const folder = context({ Dockerfile: 'FROM busybox\nRUN echo ready; sleep 600\n' });
    const tar = execFileSync('tar', ['-c', '-C', folder, '.']);
    const first = await daemon.open('POST', '/build?nocache=1', tar);
    await untilReady(first);
    first.destroy();
    await untilNothingLeft(daemon);
    const second = await daemon.open('POST', '/build?buildid=mine', tar);
    await untilReady(second);
    await daemon.api('POST', '/build/cancel?id=mine');
    let rest = '';
    const chunks: AsyncIterable<unknown> = second;
    for await (const chunk of chunks) rest += String(chunk);
    assert.match(rest, /the build mine was cancelled/);
    const third = await daemon.open('POST', '/build', tar);
    await untilReady(third);
    await daemon.kill9();
    await daemon.start();
    assert.deepEqual(await leaksOf(daemon.instance, daemon.folder), []);
    assert.deepEqual(readdirSync(join(daemon.root, 'builds')), []);
  });
});

function contextIn(below: string, files: Record<string, string>): string {
  const folder = mkdtempSync(join(below, 'context-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** From nothing: an archive of the root file system on top of scratch. */
async function buildBusybox(daemon: TestDaemon): Promise<void> {
  const folder = contextIn(daemon.folder, {
    Dockerfile: 'FROM scratch\nADD root.tar /\nENV PATH=/bin:/usr/bin\nCMD ["sh"]\n',
  });
  writeFileSync(join(folder, 'root.tar'), await busyboxTar());
  await daemon.ok('build', '-t', 'busybox', folder, classic);
}

async function untilReady(stream: IncomingMessage): Promise<void> {
  const chunks: AsyncIterable<unknown> = stream.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) if (String(chunk).includes('"ready')) return;
  assert.fail('the build ended before its step was ready');
}

/** The daemon sees only later that a client is gone, and says nothing of it. */
async function untilNothingLeft(daemon: TestDaemon): Promise<void> {
  while ((await leaksOf(daemon.instance, daemon.folder)).length > 0) await setTimeout(20);
}
