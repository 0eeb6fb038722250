import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ReadRequest, ReadResponse } from '#adapters/buildkit/content.ts';
import * as messages from '#api/buildkit/messages.ts';
import { newId } from '#base/ids.ts';
import { BuildkitClient, fileSync, type Files } from '../../support/buildkit-client.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

interface Span {
  Name: string;
  SpanContext: { SpanID: string };
  Parent: { SpanID: string };
  StartTime: string;
  EndTime: string;
  Status: { Description: string };
}

const parseSpan: (line: string) => Span = JSON.parse;

describe('the history of builds', () => {
  let daemon: TestDaemon;

  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const open = (context: Files): Promise<BuildkitClient> =>
    BuildkitClient.open(daemon.socket, fileSync({ context, dockerfile: context }));

  it('what a build told and how it failed is content that its record names, until it is forgotten', async () => {
    await using client = await open({ Dockerfile: 'FROM busybox\nRUN echo told; exit 3\n' });
    const ref = newId().slice(0, 25);
    await assert.rejects(client.solve({ ref }), /exit code: 3/);
    const types = [messages.HistoryRequest, messages.HistoryEvent] as const;
    const events = await client.listed('ListenBuildHistory', types, {
      filters: [`ref==${ref}`],
      earlyExit: true,
    });
    const { error, logs: told, failure: failed, trace } = events[0]?.record ?? {};
    assert.ok(told !== undefined && failed !== undefined && trace !== undefined);
    assert.deepEqual([events.length, error?.code], [1, 2]);
    const content = '/containerd.services.content.v1.Content';
    const read = async (digest: string): Promise<Buffer> => {
      const exchange = client.grpc.call(`${content}/Read`, {}, new AbortController().signal);
      await exchange.send(ReadRequest.encode({ digest }));
      exchange.end();
      const pieces: Uint8Array[] = [];
      for await (const each of exchange.answers) pieces.push(ReadResponse.decode(each).data);
      return Buffer.concat(pieces);
    };
    const logs = await read(told.digest);
    assert.equal(logs.length, told.size);
    const first = messages.StatusResponse.decode(logs.subarray(4, 4 + logs.readUInt32LE()));
    assert.match(first.vertexes[0]?.name ?? '', /load build definition/);
    assert.ok(logs.includes('told\n'));
    const failure = messages.Status.decode(await read(failed.digest));
    assert.deepEqual(
      failure.details.map(({ type }) => type.replace(/^.*\//, '')),
      ['errdefs.Source+json', 'errdefs.Vertex+json'],
    );
    const spans = (await read(trace.digest)).toString('utf8').trim().split('\n').map(parseSpan);
    const step = spans.find(({ Name }) => Name.startsWith('[2/2] RUN echo told'));
    assert.equal(step?.Parent.SpanID, spans[0]?.SpanContext.SpanID);
    assert.match(step?.Status.Description ?? '', /exit code: 3/);
    assert.ok(spans.every(({ StartTime, EndTime }) => Date.parse(StartTime) <= Date.parse(EndTime)));
    await client.control('UpdateBuildHistory', [messages.UpdateHistoryRequest, messages.Nothing], {
      ...{ ref, remove: true },
    });
    await assert.rejects(read(told.digest), { kind: 'not-found' });
  });

  it('who follows the history is told of builds that begin, end and are forgotten', async () => {
    await using client = await open({ Dockerfile: 'FROM busybox\n' });
    const ref = newId().slice(0, 25);
    const call = client.grpc.call(
      '/moby.buildkit.v1.Control/ListenBuildHistory',
      {},
      new AbortController().signal,
    );
    await call.send(messages.HistoryRequest.encode({ ref }));
    call.end();
    const answers = call.answers[Symbol.asyncIterator]();
    const next = async (): Promise<number> => {
      const answer = await answers.next();
      return answer.done === true ? -1 : messages.HistoryEvent.decode(answer.value).type;
    };
    const started = next();
    await client.solve({ ref });
    assert.deepEqual([await started, await next()], [0, 1]);
    const forgotten = next();
    await client.control('UpdateBuildHistory', [messages.UpdateHistoryRequest, messages.Nothing], {
      ...{ ref, remove: true },
    });
    assert.equal(await forgotten, 2);
    call.cancel();
  });
});
