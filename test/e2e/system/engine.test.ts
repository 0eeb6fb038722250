import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

test('a daemon to its clients', async (t) => {
  await using daemon = await startDaemon();

  await t.test('the docker client prints the versions of both sides', async () => {
    const fields =
      '{{.Client.Version}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}} {{.Server.Platform.Name}}';
    assert.match(await daemon.ok('version', '--format', fields), /^\d\S* 1\.51 1\.22 linux Berth$/);
    assert.match(await daemon.ok('version'), /Engine:\n +Version: +0\./);
  });

  await t.test('docker info describes the machine without an error or a warning', async () => {
    const { code, stdout, stderr } = await daemon.docker('info');
    assert.equal(code, 0, stderr);
    for (const line of [
      /Containers: 0/,
      /Storage Driver: overlayfs/,
      /Cgroup Driver: cgroupfs/,
      /Default Runtime: crun/,
      /Swarm: inactive/,
    ])
      assert.match(stdout, line);
    assert.ok(!/ERROR|WARNING/.test(stdout + stderr), stdout + stderr);
  });

  await t.test('_ping answers GET, HEAD and OPTIONS, in every version served', async () => {
    for (const path of ['/_ping', '/v1.24/_ping', '/v1.51/_ping'])
      for (const method of ['GET', 'HEAD']) {
        const answer = await daemon.api(method, path);
        assert.equal(answer.status, 200, `${method} ${path}`);
        assert.equal(answer.text, method === 'GET' ? 'OK' : '');
        assert.equal(answer.headers['api-version'], '1.51');
        assert.equal(answer.headers['builder-version'], '2');
        assert.match(String(answer.headers['cache-control']), /no-cache/);
      }
    assert.equal((await daemon.api('OPTIONS', '/_ping')).status, 200);
  });

  await t.test('a client that speaks an old or a too new version is told', async () => {
    const old = await daemon.docker('version', { environment: { DOCKER_API_VERSION: '1.24' } });
    assert.equal(old.code, 0, old.stderr);
    const newer = await daemon.docker('ps', { environment: { DOCKER_API_VERSION: '1.99' } });
    assert.equal(newer.code, 1);
    assert.match(newer.stderr, /client version 1.99 is too new. Maximum supported API version is 1.51/);
  });

  await t.test('the socket is for root and its group only', async () => {
    const { mode } = await stat(daemon.socket);
    assert.equal(mode & 0o777, 0o660);
  });

  await t.test('swarm commands are refused as by an engine outside a swarm', async () => {
    const { code, stderr } = await daemon.docker('service', 'ls');
    assert.equal(code, 1);
    assert.match(stderr, /This node is not a swarm manager/);
    assert.equal((await daemon.api('GET', '/v1.44/swarm')).status, 503);
    assert.match((await daemon.docker('swarm', 'leave')).stderr, /This node is not part of a swarm/);
    assert.match((await daemon.docker('swarm', 'init')).stderr, /Swarm mode is not offered by Berth/);
  });

  await t.test('garbage on the socket ends that connection and no other', async () => {
    const socket = connect(daemon.socket);
    socket.write('\u0000\u0001 this is no HTTP\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    assert.equal((await daemon.api('GET', '/_ping')).status, 200);
  });

  await t.test('events come while they happen, filtered, and past ones on request', async () => {
    const stream = await daemon.open('GET', `/events?filters=${encodeURIComponent('{"type":["volume"]}')}`);
    const lines = createInterface(stream)[Symbol.asyncIterator]();
    await daemon.ok('volume', 'create', 'seen');
    const { value } = await lines.next();
    assert.match(String(value), /"Type":"volume","Action":"create","Actor":\{"ID":"seen"/);
    assert.match(String(value), /"timeNano":\d{19}\}$/);
    stream.destroy();
    const past = await daemon.ok(
      'events',
      '--since',
      '1m',
      '--until',
      new Date().toISOString(),
      '--filter',
      'volume=seen',
      '--format',
      '{{.Type}} {{.Action}} {{.Actor.ID}}',
    );
    assert.equal(past, 'volume create seen');
    const all = await daemon.api('GET', `/events?since=0&until=${Math.ceil(Date.now() / 1000)}`);
    assert.match(all.text, /"Actor":\{"ID":"seen"/, 'since=0 is the beginning of time');
  });

  await t.test('a wrong filter, time or query is an error that names it', async () => {
    const bad = await daemon.docker('events', '--filter', 'colour=red');
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /invalid filter 'colour'/);
    const time = await daemon.api('GET', '/events?since=yesterday');
    assert.equal(time.status, 400);
    assert.match(time.text, /'since': 'yesterday'/);
    assert.match((await daemon.api('GET', '/volumes?filters=%7B')).text, /invalid filter/);
  });

  await t.test('volumes are created, listed, inspected and removed by the docker client', async () => {
    await daemon.ok('volume', 'create', '--label', 'tier=db', 'data');
    const mountpoint = await daemon.ok('volume', 'inspect', '--format', '{{.Mountpoint}}', 'data');
    assert.equal(mountpoint, join(daemon.root, 'volumes', 'data', '_data'));
    assert.ok((await stat(mountpoint)).isDirectory());
    assert.equal(await daemon.ok('volume', 'ls', '-q', '--filter', 'label=tier=db'), 'data');
    assert.equal(await daemon.ok('volume', 'ls', '-q', '--filter', 'label=tier=web'), '');
    await writeFile(join(mountpoint, 'file'), 'x'.repeat(1000));
    await daemon.ok('volume', 'rm', 'data');
    await assert.rejects(stat(mountpoint), { code: 'ENOENT' });
  });

  await t.test('wrong volumes are refused in the words of Docker', async () => {
    const missing = await daemon.docker('volume', 'inspect', 'nothing');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /get nothing: no such volume/);
    const name = await daemon.docker('volume', 'create', '../up');
    assert.match(name.stderr, /includes invalid characters for a local volume name/);
    const driver = await daemon.docker('volume', 'create', '-d', 'nfs4', 'x1');
    assert.match(driver.stderr, /plugin "nfs4" not found/);
    const option = await daemon.docker('volume', 'create', '-o', 'colour=red', 'x2');
    assert.match(option.stderr, /invalid option: "colour"/);
    assert.match((await daemon.api('POST', '/volumes/create', { Name: 5 })).text, /field 'Name'/);
    assert.match(
      (await daemon.api('POST', '/volumes/create', Buffer.from('{'))).text,
      /must be 'application\/json'/,
    );
  });

  await t.test('prune removes anonymous volumes, and named ones only when asked', async () => {
    await daemon.ok('volume', 'create', 'named');
    const anonymous = await daemon.ok('volume', 'create');
    assert.match(await daemon.ok('volume', 'prune', '-f'), new RegExp(anonymous));
    assert.equal(await daemon.ok('volume', 'ls', '-q', '--filter', 'name=named'), 'named');
    await daemon.ok('volume', 'prune', '-f', '--all');
    assert.equal(await daemon.ok('volume', 'ls', '-q'), '');
  });

  await t.test('docker system df counts images, containers and volumes', async () => {
    await daemon.loadBusybox();
    await daemon.ok('create', '--name', 'idle', '-v', 'held:/data', 'busybox');
    const rows = await daemon.ok('system', 'df', '--format', '{{.Type}} {{.TotalCount}} {{.Active}}');
    assert.deepEqual(rows.split('\n').slice(0, 3), ['Images 1 1', 'Containers 1 0', 'Local Volumes 1 1']);
    const held = await daemon.docker('volume', 'rm', 'held');
    assert.match(held.stderr, /remove held: volume is in use - \[[0-9a-f]{64}\]/);
    assert.equal(await daemon.ok('volume', 'ls', '-q', '--filter', 'dangling=true'), '');
    await daemon.ok('rm', 'idle');
    await daemon.ok('volume', 'rm', 'held');
  });
});
