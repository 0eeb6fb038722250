// node dockerode.js MODULES: uses dockerode from the folder with its node_modules against DOCKER_HOST.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { check } from './check.js';

const require = createRequire(join(process.argv[2], 'package.json'));
const Docker = require('dockerode');
const docker = new Docker();

/** The lines of progress; dockerode leaves it to its users to look for an error in the last. */
async function finished(stream) {
  const lines = await new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, seen) => (error ? reject(error) : resolve(seen)));
  });
  const failure = lines.at(-1)?.error;
  if (failure !== undefined) throw new Error(failure);
  return lines;
}

async function demuxed(stream) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => [out, err].forEach((one) => one.end()));
  stream.on('close', () => [out, err].forEach((one) => one.end()));
  return Promise.all([text(out), text(err)]);
}

function tarOf(files) {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name }, content);
  tar.finalize();
  return tar;
}

await check('ping, version, info, df', async () => {
  assert.equal((await docker.ping()).toString(), 'OK');
  assert.match((await docker.version()).ApiVersion, /^1\.\d+$/);
  assert.equal((await docker.info()).OSType, 'linux');
  assert.equal((await docker.df()).Images.length, 1);
});

await check('run with output and exit code', async () => {
  const output = new PassThrough();
  const said = text(output);
  const [{ StatusCode }, container] = await docker.run('busybox', ['sh', '-c', 'echo out; exit 3'], output, {
    Tty: true,
  });
  output.end();
  assert.deepEqual([StatusCode, await said], [3, 'out\r\n']);
  await container.remove();
});

const server = await docker.createContainer({
  Image: 'busybox',
  name: 'server',
  Cmd: ['sh', '-c', 'echo out; echo err >&2; sleep 1000'],
  Labels: { kind: 'test' },
  ExposedPorts: { '80/tcp': {} },
  HostConfig: { Memory: 64 * 1024 * 1024, PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1' }] } },
});

await check('createContainer, start, inspect, listContainers', async () => {
  await server.start();
  const shown = await server.inspect();
  assert.equal(shown.State.Running, true);
  assert.match(shown.NetworkSettings.Ports['80/tcp'][0].HostPort, /^\d+$/);
  const listed = await docker.listContainers({ filters: { label: ['kind=test'] }, size: true });
  assert.deepEqual([listed.length, listed[0].Names], [1, ['/server']]);
});

await check('logs, also followed', async () => {
  const followed = await server.logs({ stdout: true, stderr: true, follow: true });
  const lines = [];
  for await (const chunk of followed) {
    lines.push(chunk.toString());
    if (lines.join('').includes('err\n')) break;
  }
  assert.match(lines.join(''), /out\n/);
  const all = await server.logs({ stdout: true, stderr: true });
  assert.ok(all.includes('out\n') && all.includes('err\n'));
});

await check('exec with stdin by hijack', async () => {
  const exec = await server.exec({
    Cmd: ['sh', '-c', 'cat; echo end >&2; exit 6'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const said = demuxed(stream);
  stream.end('words');
  assert.deepEqual(await said, ['words', 'end\n']);
  assert.equal((await exec.inspect()).ExitCode, 6);
});

await check('attach with stdin by hijack, resize', async () => {
  const container = await docker.createContainer({
    Image: 'busybox',
    Cmd: ['sh', '-c', 'read x; stty size; echo $x'],
    Tty: true,
    OpenStdin: true,
    AttachStdin: true,
  });
  const stream = await container.attach({
    stream: true,
    stdin: true,
    stdout: true,
    stderr: true,
    hijack: true,
  });
  await container.start();
  await container.resize({ h: 33, w: 99 });
  const said = text(stream);
  stream.write('word\n');
  assert.match(await said, /33 99\r\nword\r\n$/);
  await container.remove({ force: true });
});

await check('stats, top, changes, update, pause, rename', async () => {
  const stats = await server.stats({ stream: false });
  assert.equal(stats.memory_stats.limit, 64 * 1024 * 1024);
  assert.ok((await server.top()).Processes.length >= 1);
  await server.update({ Memory: 32 * 1024 * 1024, MemorySwap: 32 * 1024 * 1024 });
  await server.pause();
  await server.unpause();
  await server.rename({ name: 'renamed' });
  await server.changes();
});

await check('putArchive, getArchive, infoArchive, export', async () => {
  await server.putArchive(tarOf({ note: 'content' }), { path: '/tmp' });
  const head = await server.infoArchive({ path: '/tmp/note' });
  const stat = JSON.parse(Buffer.from(head.headers['x-docker-container-path-stat'], 'base64').toString());
  assert.deepEqual([stat.name, stat.size], ['note', 7]);
  assert.ok((await buffer(await server.getArchive({ path: '/tmp/note' }))).includes('content'));
  assert.ok((await buffer(await server.export())).includes('tmp/note'));
});

await check('commit, tag, history, list and remove images', async () => {
  await server.commit({ repo: 'committed', tag: '1', comment: 'by dockerode' });
  const image = docker.getImage('committed:1');
  await image.tag({ repo: 'committed', tag: '2' });
  assert.equal((await image.history())[0].Comment, 'by dockerode');
  assert.equal((await docker.listImages({ filters: { reference: ['committed'] } }))[0].RepoTags.length, 2);
  for (const name of ['committed:1', 'committed:2']) await docker.getImage(name).remove();
});

await check('buildImage from a stream, with progress', async () => {
  const context = tarOf({ Dockerfile: 'FROM busybox\nARG A\nRUN echo $A >/word\n' });
  const lines = await finished(await docker.buildImage(context, { t: 'built:1', buildargs: { A: 'x' } }));
  assert.ok(lines.some(({ stream = '' }) => stream.includes('Successfully tagged built:1')));
  const failing = tarOf({ Dockerfile: 'FROM busybox\nRUN exit 9\n' });
  await assert.rejects(
    async () => finished(await docker.buildImage(failing, {})),
    /returned a non-zero code: 9/,
  );
});

await check('save, load and import an image', async () => {
  const archive = await buffer(await docker.getImage('built:1').get());
  const lines = await finished(await docker.loadImage(Readable.from([archive])));
  assert.ok(lines.some(({ stream = '' }) => stream.includes('Loaded image: built:1')));
  await finished(await docker.importImage(tarOf({ one: '1' }), { repo: 'imported', tag: '1' }));
  assert.match((await docker.getImage('imported:1').inspect()).Id, /^sha256:/);
});

await check('pull that fails says so', async () => {
  await assert.rejects(
    async () => finished(await docker.pull('127.0.0.1:1/nothing:1')),
    /connection refused|ECONNREFUSED|connect/,
  );
});

await check('networks: create, connect, disconnect, remove', async () => {
  const network = await docker.createNetwork({ Name: 'own', Internal: true, Labels: { a: 'b' } });
  await network.connect({ Container: server.id, EndpointConfig: { Aliases: ['other'] } });
  assert.ok(server.id in (await network.inspect()).Containers);
  await network.disconnect({ Container: server.id });
  assert.equal((await docker.listNetworks({ filters: { label: ['a=b'] } })).length, 1);
  await network.remove();
});

await check('volumes: create, list, inspect, remove', async () => {
  await docker.createVolume({ Name: 'kept', Labels: { a: 'b' } });
  const { Volumes } = await docker.listVolumes({ filters: { label: ['a=b'] } });
  assert.equal(Volumes.length, 1);
  assert.equal((await docker.getVolume('kept').inspect()).Driver, 'local');
  await docker.getVolume('kept').remove();
});

await check('events, stop, wait with a condition, remove', async () => {
  const events = await docker.getEvents({ filters: { container: [server.id], event: ['die'] } });
  const removed = server.wait({ condition: 'removed' });
  const seen = once(events, 'data');
  await server.stop({ t: 0 });
  assert.equal(JSON.parse((await seen)[0].toString()).Action, 'die');
  events.destroy();
  await server.remove({ v: true });
  assert.equal((await removed).StatusCode, 137);
});

await check('errors have a status and a message', async () => {
  await assert.rejects(docker.getContainer('nothing').inspect(), {
    statusCode: 404,
    json: { message: 'No such container: nothing' },
  });
  await assert.rejects(docker.createContainer({ Image: 'nothing' }), { statusCode: 404 });
});

await check('prune containers, images, networks, volumes, build cache', async () => {
  assert.ok('SpaceReclaimed' in (await docker.pruneContainers()));
  assert.ok('ImagesDeleted' in (await docker.pruneImages({ filters: { dangling: { false: true } } })));
  await docker.pruneNetworks();
  await docker.pruneVolumes();
  await docker.pruneBuilder();
});
