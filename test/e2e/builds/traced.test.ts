import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { StatusResponse } from '#api/buildkit/messages.ts';
import { newId } from '#base/ids.ts';
import { BuildkitClient, fileSend, fileSync, type Files } from '../../support/buildkit-client.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { tarOf } from '../../support/tar.ts';

interface Line {
  id?: string;
  aux?: string | { ID: string };
  stream?: string;
  error?: string;
}

const parse: (text: string) => Line = JSON.parse;

/** What a build told: the names of its steps, what they wrote, its image, and why it failed. */
function told(text: string) {
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parse);
  const traces = lines.flatMap(({ id, aux }) =>
    id === 'moby.buildkit.trace' && typeof aux === 'string'
      ? [StatusResponse.decode(Buffer.from(aux, 'base64'))]
      : [],
  );
  const image = lines.find(({ id }) => id === 'moby.image.id')?.aux;
  return {
    names: new Set(traces.flatMap(({ vertexes }) => vertexes.map(({ name }) => name))),
    logs: traces.flatMap(({ logs }) => logs.map((log) => Buffer.from(log.text).toString())).join(''),
    image: typeof image === 'object' ? image.ID : undefined,
    error: lines.at(-1)?.error,
  };
}

// `docker build` of 2018 to 2022 without buildx; `npm run test:clients` has the real one.
describe('POST /build of version 2', () => {
  let daemon: TestDaemon;

  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const build = async (query: Record<string, string>, body?: Buffer) => {
    const words = new URLSearchParams({ version: '2', ...query });
    const { status, text } = await daemon.api('POST', `/v1.41/build?${words.toString()}`, body);
    return { status, text, ...told(text) };
  };
  const open = (context: Files, received: Buffer[] = []): Promise<BuildkitClient> =>
    BuildkitClient.open(daemon.socket, {
      ...fileSync({ context, dockerfile: context }),
      ...fileSend(received),
    });

  it('builds what the session of the client has, and tells it by messages of BuildKit', async () => {
    await using client = await open({
      D: 'FROM busybox AS one\nARG WORD\nCOPY f /f\nRUN echo $WORD && cat /etc/hosts && ulimit -n\nFROM one\nRUN exit 1\n',
      f: 'file',
    });
    const { status, names, logs, image } = await build({
      ...{ remote: 'client-session', session: client.session, dockerfile: 'D', target: 'one', t: 'traced:1' },
      ...{ buildargs: '{"WORD":"given","NONE":null}', labels: '{"l":"v"}', extrahosts: 'one:10.1.2.3' },
      ulimits: '[{"Name":"nofile","Soft":77,"Hard":88}]',
    });
    assert.equal(status, 200);
    assert.match(logs, /^given\n[^]*10\.1\.2\.3\s+one\n[^]*77\n$/);
    assert.ok(names.has('[one 2/3] COPY f /f'), [...names].join());
    assert.equal(
      await daemon.ok('inspect', '-f', '{{.Id}} {{.Config.Labels.l}}', 'traced:1'),
      `${image ?? ''} v`,
    );
  });

  it('a context comes in the request, or in one of its own', async () => {
    const tar = await tarOf({ Dockerfile: 'FROM busybox\nCOPY f /f\n', f: 'carried' });
    await build({ t: 'traced:body' }, tar);
    assert.equal(await daemon.ok('run', '--rm', 'traced:body', 'cat', '/f'), 'carried');
    const id = newId();
    const [upload, built] = await Promise.all([
      build({ buildid: `upload-request:${id}` }, tar),
      build({ remote: 'upload-request', buildid: id, t: 'traced:upload' }),
    ]);
    assert.equal(upload.status, 200);
    assert.equal(built.error, undefined, built.text);
    assert.equal(await daemon.ok('run', '--rm', 'traced:upload', 'cat', '/f'), 'carried');
    const alone = await Promise.all([
      build({ remote: 'upload-request', buildid: newId() }),
      build({ buildid: `upload-request:${newId()}` }, tar),
    ]);
    for (const { status, text } of alone) {
      assert.equal(status, 404);
      assert.match(text, /the context of the build \w+ and its build did not meet/);
    }
  });

  it('a quiet one gives the id alone, and all that it told when it fails', async () => {
    const good = await build({ q: '1' }, await tarOf({ Dockerfile: 'FROM busybox\nRUN echo quiet\n' }));
    assert.match(good.text, /^\{"stream":"sha256:[0-9a-f]{64}\\n"\}\r\n$/);
    const bad = await build({ q: '1' }, await tarOf({ Dockerfile: 'FROM busybox\nRUN echo loud; exit 3\n' }));
    assert.equal(bad.logs, 'loud\n');
    assert.equal(
      bad.error,
      'process "/bin/sh -c echo loud; exit 3" did not complete successfully: exit code: 3',
    );
  });

  it('the files of the result are sent to the client, and no image is told', async () => {
    const received: Buffer[] = [];
    await using client = await open({}, received);
    const { image, error } = await build(
      { session: client.session, outputs: '[{"Type":"tar","Attrs":{}}]' },
      await tarOf({ Dockerfile: 'FROM scratch\nCOPY f /sent\n', f: 'x' }),
    );
    assert.deepEqual([image, error], [undefined, undefined]);
    assert.match(Buffer.concat(received).toString('latin1'), /^sent\0/);
    const none = await build(
      { outputs: '[{"Type":"cacheonly"}]' },
      await tarOf({ Dockerfile: 'FROM busybox\n' }),
    );
    assert.deepEqual([none.image, none.error], [undefined, undefined]);
  });

  it('a build is cancelled by its id', async () => {
    const sleep = String(2_000_000 + process.pid);
    const tar = await tarOf({ Dockerfile: `FROM busybox\nRUN echo up; sleep ${sleep}\n` });
    const id = newId();
    const chunks: AsyncIterable<Buffer> = await daemon.open(
      'POST',
      `/v1.41/build?version=2&buildid=${id}`,
      tar,
    );
    let text = '';
    for await (const chunk of chunks) {
      text += chunk.toString();
      if (told(text.slice(0, text.lastIndexOf('\n') + 1)).logs === 'up\n')
        assert.equal((await daemon.api('POST', `/v1.41/build/cancel?id=${id}`)).status, 204);
    }
    assert.equal(told(text).error, 'context canceled');
    const running = await Promise.all(
      (await readdir('/proc')).map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
    );
    assert.deepEqual(
      running.filter((line) => line.startsWith(`sleep\x00${sleep}`)),
      [],
    );
  });

  it('what is wrong is said before anything is built', async () => {
    const wrong: [Record<string, string>, RegExp][] = [
      [{ networkmode: 'custom' }, /network mode \\"custom\\" not supported by buildkit/],
      [{ outputs: 'x' }, /invalid query parameter 'outputs'/],
      [{ squash: '1' }, /squash is only supported with experimental mode/],
    ];
    for (const [query, message] of wrong) {
      const { status, text } = await build(query, await tarOf({ Dockerfile: 'FROM busybox\n' }));
      assert.equal(status, 400, text);
      assert.match(text, message);
    }
    const { text } = await build({ remote: 'client-session' });
    assert.match(text, /the build has no session that could give files of the client/);
  });
});
