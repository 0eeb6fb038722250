import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { BytesMessage } from '#adapters/buildkit/messages.ts';
import { definitionOf } from '#api/buildkit/definition.ts';
import * as gateway from '#api/buildkit/gateway-messages.ts';
import * as messages from '#api/buildkit/messages.ts';
import { newId } from '#base/ids.ts';
import type { FrontendInput } from '#engine/contracts.ts';
import { serveGrpc } from '#base/grpc/server.ts';
import { layerOf } from '../../contract/snapshotter.ts';
import { BuildkitClient, fileSync, type Files } from '../../support/buildkit-client.ts';
import { addImage, addIndex, contentStores, type Blobs } from '../../support/content-store.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { tarOf } from '../../support/tar.ts';
import { socketPair } from '../../support/socket-pair.ts';

const image = (name: string) => ({ type: 'moby', attributes: { name } });
const refOf = (): string => newId().slice(0, 25);
const solveTypes = [gateway.SolveRequest, gateway.SolveResponse] as const;

describe("what BuildKit's clients do with results and other sources of builds", () => {
  let daemon: TestDaemon;

  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const open = (context: Files, more = {}): Promise<BuildkitClient> =>
    BuildkitClient.open(daemon.socket, { ...fileSync({ context, dockerfile: context }), ...more });
  const asked = (filename: string, more: Record<string, string> = {}) => ({
    ...{ frontend: 'dockerfile.v0', attributes: { filename, ...more } },
  });

  it('a result is what another build begins with, while its own build still goes on, as with bake', async () => {
    await using client = await open({
      Base: 'FROM busybox\nENV SAID=base\nRUN head -c 8 /dev/urandom | od -An -tx1 >/random\n',
      One: 'FROM base\nRUN echo $SAID >/said\n',
      Two: 'FROM busybox\nCOPY --from=base /random /random\n',
    });
    const [base, one, two] = [refOf(), refOf(), refOf()];
    const solved = client.solve({ ref: base, frontend: '', exporters: [image('bake/base')] });
    const { result } = await client.gateway(base, 'Solve', solveTypes, asked('Base'));
    const definition = result?.ref?.definition;
    assert.ok(definition !== undefined);
    const dependent = async (ref: string, filename: string, name: string): Promise<void> => {
      const built = client.solve({ ref, frontend: '', exporters: [image(name)] });
      const given = await client.gateway(ref, 'Solve', solveTypes, {
        ...asked(filename, { 'context:base': 'input:base', 'input-metadata:base': '{}' }),
        inputs: { base: definition },
      });
      await client.gateway(ref, 'Return', [gateway.ReturnRequest, messages.Nothing], given);
      await built;
    };
    await Promise.all([dependent(one, 'One', 'bake/one'), dependent(two, 'Two', 'bake/two')]);
    await client.gateway(base, 'Return', [gateway.ReturnRequest, messages.Nothing], { result });
    await solved;
    const random = await daemon.ok('run', '--rm', 'bake/base', 'cat', '/random');
    assert.match(random, /^( [0-9a-f]{2}){8}$/);
    assert.equal(await daemon.ok('run', '--rm', 'bake/one', 'cat', '/random', '/said'), `${random}\nbase`);
    assert.equal(await daemon.ok('run', '--rm', 'bake/two', 'cat', '/random'), random);
  });

  it('what is no result of a build, or no more than a name, is refused', async () => {
    await using client = await open({ One: 'FROM base\n' });
    const ref = refOf();
    const solved = client.solve({ ref, frontend: '' });
    await assert.rejects(
      client.gateway(ref, 'Solve', solveTypes, {
        ...asked('One', { 'context:base': 'input:base' }),
        inputs: { base: { def: [Buffer.from('')], metadata: {} } },
      }),
      /\(LLB\) is not offered/,
    );
    const { result } = await client.gateway(
      ref,
      'Solve',
      solveTypes,
      asked('One', { 'context:base': 'input:none' }),
    );
    await client.gateway(ref, 'Return', [gateway.ReturnRequest, messages.Nothing], { result });
    await assert.rejects(solved, /invalid input for the named context 'base'/);
  });

  it('files of a result are looked at, and folders, as a process within would', async () => {
    await using client = await open({
      Dockerfile:
        'FROM busybox\nRUN mkdir -p /deep/er && echo content >/deep/f && ln -s /deep /link && chmod 640 /deep/f\n',
    });
    const ref = refOf();
    const solved = client.solve({ ref, frontend: '' });
    const { result } = await client.gateway(ref, 'Solve', solveTypes, asked('Dockerfile'));
    const id = result?.ref?.id ?? '';
    const read = (path: string, range?: { offset: number; length: number }) =>
      client.gateway(ref, 'ReadFile', [gateway.ReadFileRequest, gateway.ReadFileResponse], {
        ...{ ref: id, path },
        ...(range !== undefined && { range }),
      });
    const text = async (...args: Parameters<typeof read>): Promise<string> =>
      Buffer.from((await read(...args)).data).toString();
    assert.equal(await text('link/f'), 'content\n');
    assert.equal(await text('/deep/f', { offset: 3, length: 2 }), 'te');
    await assert.rejects(read('/none'), /open \/none: no such file or directory/);
    await assert.rejects(read('/deep'), /is a directory/);
    const { stat } = await client.gateway(
      ref,
      'StatFile',
      [gateway.StatFileRequest, gateway.StatFileResponse],
      { ref: id, path: 'deep/f' },
    );
    assert.deepEqual([stat?.path, stat?.size, stat?.mode], ['f', 8, 0o640]);
    const list = async (path: string, pattern = ''): Promise<string[]> => {
      const types = [gateway.ReadDirRequest, gateway.ReadDirResponse] as const;
      const { entries } = await client.gateway(ref, 'ReadDir', types, { ref: id, path, pattern });
      return entries.map((entry) => entry.path);
    };
    assert.deepEqual(await list('/link'), ['er', 'f']);
    assert.deepEqual(await list('/deep', '[a-f]'), ['f']);
    assert.ok((await list('')).includes('deep'));
    await assert.rejects(list('/deep/f'), /not a directory/);
    await client.gateway(ref, 'Return', [gateway.ReturnRequest, messages.Nothing], { result });
    await solved;
  });

  it('images in OCI layouts of the client are fetched, that of the platform, and only once', async () => {
    const blobs: Blobs = new Map();
    const layer = (text: string): Buffer[] => [layerOf([['made', 'file', { content: text }]])];
    const amd64 = addImage(blobs, layer('of amd64'), 'amd64');
    const digest = addIndex(blobs, { amd64, arm64: addImage(blobs, layer('of arm64'), 'arm64') });
    const read: string[] = [];
    await using client = await open(
      {
        Dockerfile: 'FROM busybox\nCOPY --from=layout /made /made\n',
        Other: 'FROM layout\nCOPY --from=other /made /other\n',
      },
      contentStores({ 'oci:store': blobs }, read),
    );
    const layout = `oci-layout://store:latest@${digest}`;
    const attributes = { 'context:layout': layout };
    await client.solve({ attributes, exporters: [image('layout/one')] });
    assert.equal(await daemon.ok('run', '--rm', 'layout/one', 'cat', '/made'), 'of amd64');
    assert.equal(read.length, 4);
    await client.solve({
      attributes: {
        filename: 'Other',
        'context:layout': 'docker-image://registry.example/none',
        'context:layout::linux/amd64': layout,
        'context:other::linux/amd64': layout,
        'context:other::linux/arm64': `oci-layout://store:latest@sha256:${'0'.repeat(64)}`,
      },
      exporters: [image('layout/two')],
    });
    assert.equal(read.length, 8);
    assert.ok(!read.slice(4).some((each) => read.slice(2, 4).includes(each)));
    await assert.rejects(
      client.solve({ attributes: { 'context:layout': `oci-layout://other:x@${digest}` } }),
      /the OCI layout lacks sha256:/,
    );
  });

  it('a source alone is looked into, and is the context of a build, as with bake of a URL', async () => {
    const file = 'target "default" {}\n';
    const archive = await tarOf({ Dockerfile: 'FROM busybox\nCOPY f /f\n', f: 'of the archive' });
    const server = createServer(({ url }, response) => response.end(url === '/c.tar' ? archive : file));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const at = `http://127.0.0.1:${address.port}`;
    try {
      await using client = await open({ own: 'of the session' });
      const ref = refOf();
      const solved = client.solve({ ref, frontend: '', exporters: [] });
      const read = async (input: FrontendInput, path: string): Promise<string> => {
        const { result } = await client.gateway(ref, 'Solve', solveTypes, {
          definition: definitionOf(input),
        });
        const types = [gateway.ReadFileRequest, gateway.ReadFileResponse] as const;
        const { data } = await client.gateway(ref, 'ReadFile', types, { ref: result?.ref?.id ?? '', path });
        return Buffer.from(data).toString();
      };
      assert.equal(await read({ remote: `${at}/bake.hcl`, filename: 'context' }, 'context'), file);
      assert.equal(await read({ remote: `${at}/c.tar` }, 'f'), 'of the archive');
      assert.equal(await read({ local: 'context' }, 'own'), 'of the session');
      assert.match(await read({ image: 'busybox' }, '/bin/sh'), /^\x7fELF/);
      const context = definitionOf({ remote: `${at}/c.tar` });
      await client.solve({ inputs: { context, dockerfile: context }, exporters: [image('bake/url')] });
      assert.equal(await daemon.ok('run', '--rm', 'bake/url', 'cat', '/f'), 'of the archive');
      await client.gateway(ref, 'Return', [gateway.ReturnRequest, messages.Nothing], {});
      await solved;
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('tells what names of images stand for', async () => {
    await using client = await open({});
    const ref = refOf();
    const abort = new AbortController();
    const solved = assert.rejects(client.solve({ ref, frontend: '' }, abort.signal));
    const types = [gateway.ResolveSourceMetaRequest, gateway.ResolveSourceMetaResponse] as const;
    const { source, image: meta } = await client.gateway(ref, 'ResolveSourceMeta', types, {
      source: { identifier: 'docker-image://busybox', attributes: {} },
    });
    assert.equal(source?.identifier, `docker-image://busybox@${meta?.digest ?? ''}`);
    assert.match(Buffer.from(meta?.config ?? []).toString(), /"architecture":"amd64"/);
    const config = await client.gateway(
      ref,
      'ResolveImageConfig',
      [gateway.ResolveImageConfigRequest, gateway.ResolveImageConfigResponse],
      { ref: 'busybox' },
    );
    assert.equal(config.digest, meta?.digest);
    const other = { identifier: 'https://example.com/x', attributes: {} };
    assert.deepEqual(
      (await client.gateway(ref, 'ResolveSourceMeta', types, { source: other })).source,
      other,
    );
    abort.abort();
    await solved;
  });

  it('folders that several builds share come from a session of their own, within a call', async () => {
    await using client = await open({});
    const shared = newId().slice(0, 25);
    const context = { Dockerfile: 'FROM busybox\nCOPY f /f\n', f: 'shared' };
    const methods = fileSync({ context, dockerfile: context });
    const [near, far] = await socketPair();
    const served = serveGrpc(near, methods);
    const call = client.grpc.call(
      '/moby.buildkit.v1.Control/Session',
      {
        'x-docker-expose-session-uuid': shared,
        'x-docker-expose-session-grpc-method': Object.keys(methods),
      },
      new AbortController().signal,
    );
    far.on('data', (data: Buffer) => void call.send(BytesMessage.encode({ data })));
    const passed = (async () => {
      for await (const each of call.answers) far.write(BytesMessage.decode(each).data);
    })();
    const attributes = { 'local-sessionid:context': shared, 'local-sessionid:dockerfile': shared };
    for (const name of ['shared/one', 'shared/two']) {
      await client.solve({ attributes, exporters: [image(name)] });
      assert.equal(await daemon.ok('run', '--rm', name, 'cat', '/f'), 'shared');
    }
    far.destroy();
    call.end();
    await Promise.all([served, passed]);
    await assert.rejects(client.solve({ attributes }), new RegExp(`no active session for ${shared}`));
  });
});
