import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { callApi } from '../../support/api.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import type { RunResult } from '../../support/docker.ts';

describe('a scoped socket', () => {
  let daemon: TestDaemon;
  let reader: string;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    reader = join(daemon.folder, 'reader.sock');
    await create(reader, 'containers:read,images:read,events:read');
    await daemon.ok(
      ...['run', '-d', '--name', 'web', '--label', 'app=shop', '-e', 'PASSWORD=secret'],
      ...['busybox', 'sleep', '1000'],
    );
    await daemon.ok('run', '-d', '--name', 'other', 'busybox', 'sleep', '1000');
  });
  after(() => daemon[Symbol.asyncDispose]());

  async function create(path: string, allow: string, ...more: string[]): Promise<void> {
    const { code, stderr } = await daemon.berth('socket', 'create', path, '--allow', allow, ...more);
    assert.equal(code, 0, stderr);
  }
  const through = (socket: string, ...words: string[]): Promise<RunResult> =>
    daemon.docker('-H', `unix://${socket}`, ...words);
  const status = async (method: string, path: string): Promise<number> =>
    (await callApi(reader, method, path)).status;

  it('serves what it allows to the docker client, and names the scope that is missing', async () => {
    assert.match((await through(reader, 'ps')).stdout, /web/);
    assert.equal((await through(reader, 'images', '-q')).code, 0);
    const refused = await through(reader, 'stop', 'web');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /does not allow POST \/v1\.\d+\/containers\/web\/stop, which needs the scope 'containers:control'; it allows containers:read/,
    );
    assert.match((await through(reader, 'volume', 'ls')).stderr, /'volumes:read'/);
    assert.match((await through(reader, 'logs', 'web')).stderr, /'containers:logs'/);
    assert.match((await callApi(reader, 'GET', '/berth/v1/sockets')).text, /which no scope opens/);
  });

  it('hides the values of environment variables unless it may show them', async () => {
    const env = '{{json .Config.Env}}';
    const hidden = (await through(reader, 'inspect', '-f', env, 'web')).stdout;
    assert.match(hidden, /"PASSWORD=\*\*\*"/);
    assert.equal(await status('GET', '/containers/web/top?ps_args=auxe'), 403);
    assert.equal(await status('GET', '/containers/web/top'), 200);
    const open = join(daemon.folder, 'open.sock');
    await create(open, 'containers:read,containers:env');
    assert.match((await through(open, 'inspect', '-f', env, 'web')).stdout, /PASSWORD=secret/);
  });

  it('is not led around by ways of writing a path', async () => {
    const tricks = [
      ['POST', '/containers/web/stop'],
      ['POST', '/v1.51/containers/web/stop'],
      ['POST', '//containers/web/stop'],
      ['POST', '/containers//web/stop'],
      ['POST', '/v1.51/../containers/web/stop'],
      ['POST', '/containers/json/../web/stop'],
      ['POST', '/containers/web%2Fstop'],
      ['POST', '/containers/web/st%6fp'],
      ['POST', '/containers%2fweb%2fstop'],
      ['POST', '/v1.24/v1.24/containers/web/stop'],
      ['POST', '/containers/web/stop/'],
      ['POST', '/containers/web/stop?x=/containers/json'],
      ['POST', '/containers/web/stop#/json'],
      ['DELETE', '/containers/web'],
      ['PUT', '/containers/web/archive?path=/'],
      ['GET', '/containers/web/archive?path=/etc'],
      ['HEAD', '/containers/web/archive?path=/etc'],
      ['GET', '/volumes/../containers/json/../../info'],
      ['GET', 'http://x/info'],
    ] as const;
    for (const [method, path] of tricks) {
      const answer = await status(method, path);
      assert.ok(answer === 403 || answer === 400 || answer === 404, `${method} ${path}: ${answer}`);
    }
    assert.equal(await daemon.ok('inspect', '-f', '{{.State.Running}}', 'web'), 'true');
  });

  it('refuses hijacked routes, with and without Upgrade headers, also behind an allowed request', async () => {
    const made = await daemon.api('POST', '/containers/web/exec', { Cmd: ['touch', '/taken'] });
    const id = /"Id":"([0-9a-f]+)"/.exec(made.text)?.[1] ?? '';
    const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
    const json = 'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';
    for (const path of [`/exec/${id}/start`, '/v1.51/containers/web/attach?stream=1&stdin=1'])
      for (const headers of ['Connection: close\r\n', upgrade]) {
        const answer = await raw(`POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}${json}`);
        assert.match(answer, /^HTTP\/1\.1 403 [^]*'containers:exec'/);
      }
    assert.equal((await daemon.docker('exec', 'web', 'ls', '/taken')).code, 1);
  });

  it('takes no second request after an allowed one by pipelining', async () => {
    const answers = await raw(
      'GET /_ping HTTP/1.1\r\nHost: x\r\n\r\nPOST /containers/web/stop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    assert.match(answers, /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 403 /);
  });

  async function raw(text: string): Promise<string> {
    const socket = connect(reader);
    socket.setEncoding('utf8');
    let answer = '';
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.write(text);
    await once(socket, 'close');
    return answer;
  }

  it('shows only what carries its label, whatever filters a client adds', async () => {
    const shop = join(daemon.folder, 'shop.sock');
    await create(
      shop,
      'containers:read,containers:control,containers:exec,events:read',
      '--label',
      'app=shop',
    );
    assert.equal((await through(shop, 'ps', '--format', '{{.Names}}')).stdout, 'web\n');
    assert.equal((await through(shop, 'ps', '-a', '-q', '-f', 'name=other')).stdout, '');
    const old = encodeURIComponent('{"label":{"x":true}}');
    assert.equal((await callApi(shop, 'GET', `/containers/json?filters=${old}`)).text.trim(), '[]');
    const twice = await callApi(shop, 'GET', '/containers/json?filters={}&filters={}');
    assert.equal(twice.status, 400);
    assert.equal((await through(shop, 'inspect', 'other')).code, 1);
    assert.match((await through(shop, 'kill', 'other')).stderr, /No such container: other/);
    assert.equal((await through(shop, 'exec', 'web', 'echo', 'hi')).stdout, 'hi\n');
    const made = await daemon.api('POST', '/containers/other/exec', { Cmd: ['true'] });
    const foreign = /"Id":"([0-9a-f]+)"/.exec(made.text)?.[1] ?? '';
    assert.equal((await callApi(shop, 'POST', `/exec/${foreign}/start`, {})).status, 404);
    assert.equal((await daemon.api('GET', `/exec/${foreign}/json`)).status, 200);
  });

  it('is listed, is there again after a kill, and is gone when removed', async () => {
    await daemon.kill9();
    await daemon.start();
    assert.match(
      (await daemon.berth('socket', 'ls')).stdout,
      new RegExp(`${reader} +containers:read,images:read`),
    );
    assert.equal(await status('GET', '/containers/json'), 200);
    const passing = join(daemon.folder, 'passing.sock');
    await create(passing, 'events:read');
    assert.equal((await daemon.berth('socket', 'rm', passing)).code, 0);
    await assert.rejects(callApi(passing, 'GET', '/_ping'), { code: 'ENOENT' });
    assert.match((await daemon.berth('socket', 'rm', passing)).stderr, /no such socket/);
  });

  it('is not made over a file or over a socket in use', async () => {
    const file = join(daemon.folder, 'file');
    await writeFile(file, 'precious');
    for (const [path, reason] of [
      [file, /is not a socket/],
      [daemon.socket, /another program listens/],
      [reader, /there is one already/],
    ] as const) {
      const { code, stderr } = await daemon.berth('socket', 'create', path, '--allow', 'events:read');
      assert.equal(code, 1);
      assert.match(stderr, reason);
    }
  });
});
