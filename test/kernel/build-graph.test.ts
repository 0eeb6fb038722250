import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildVertex, VertexEvent } from '#engine/contracts.ts';
import { buildRoom, type BuildRoom } from '../support/build-room.ts';

async function vertices(
  room: BuildRoom,
  files: Record<string, string>,
): Promise<{ last: Map<string, BuildVertex>; events: VertexEvent[]; error?: unknown }> {
  const events: VertexEvent[] = [];
  const error: unknown = await room.build(files, { onVertex: (event) => void events.push(event) }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const last = new Map<string, BuildVertex>();
  for (const event of events) if (event.kind === 'vertex') last.set(event.vertex.name, event.vertex);
  return { last, events, error };
}

test('the graph is told: names, inputs, what was there before, and what the steps write', async () => {
  await using room = await buildRoom();
  const files = {
    Dockerfile: `FROM base AS made
RUN echo out && echo err >&2
FROM base
COPY --from=made /etc/passwd /p
ENV a=b
RUN echo last
`,
  };
  const first = await vertices(room, files);
  assert.deepEqual(
    [...first.last.keys()],
    [
      '[internal] load build context',
      '[made 1/2] FROM docker.io/library/base:latest',
      '[made 2/2] RUN echo out && echo err >&2',
      '[stage-1 1/3] FROM docker.io/library/base:latest',
      '[stage-1 2/3] COPY --from=made /etc/passwd /p',
      '[stage-1 3/3] RUN echo last',
      'exporting to image',
    ],
  );
  for (const { name, started, completed, error } of first.last.values())
    assert.ok(started !== undefined && completed !== undefined && error === undefined, name);
  const made = first.last.get('[made 2/2] RUN echo out && echo err >&2');
  const copied = first.last.get('[stage-1 2/3] COPY --from=made /etc/passwd /p');
  assert.deepEqual(copied?.inputs, [
    first.last.get('[stage-1 1/3] FROM docker.io/library/base:latest')?.digest,
    made?.digest,
  ]);
  assert.ok((copied.started ?? 0) >= (made?.completed ?? Infinity), 'it starts when what it uses is there');
  const logs = first.events.flatMap((event) =>
    event.kind === 'log' && event.vertex === made?.digest
      ? [[event.stream, Buffer.from(event.data).toString()] as const]
      : [],
  );
  assert.deepEqual([...logs].sort(), [
    [1, 'out\n'],
    [2, 'err\n'],
  ]);
  const second = await vertices(room, files);
  assert.deepEqual(
    [...second.last.values()].filter(({ cached }) => cached).map(({ name }) => name),
    [
      '[made 2/2] RUN echo out && echo err >&2',
      '[stage-1 2/3] COPY --from=made /etc/passwd /p',
      '[stage-1 3/3] RUN echo last',
    ],
  );
});

test('the triggers of a base are told as what they are', async () => {
  await using room = await buildRoom();
  const triggers = 'FROM base\nONBUILD ENV A=1\nONBUILD RUN echo triggered\n';
  await room.build({ Dockerfile: triggers }, { tags: ['triggers'] });
  const { last, events } = await vertices(room, { Dockerfile: 'FROM triggers\nRUN true\n' });
  const trigger = last.get('ONBUILD RUN echo triggered');
  assert.ok(trigger?.completed !== undefined);
  assert.deepEqual(trigger.inputs, [last.get('[1/2] FROM docker.io/library/triggers:latest')?.digest]);
  const said = events.find((event) => event.kind === 'log' && event.vertex === trigger.digest);
  assert.equal(said?.kind === 'log' && Buffer.from(said.data).toString(), 'triggered\n');
});

test('the vertex that failed says why, and those behind it never start', async () => {
  await using room = await buildRoom();
  const { last, error } = await vertices(room, { Dockerfile: 'FROM base\nRUN exit 3\nRUN true\n' });
  assert.match(String(error), /returned a non-zero code: 3/);
  const failed = last.get('[2/3] RUN exit 3');
  assert.match(failed?.error ?? '', /returned a non-zero code: 3/);
  assert.ok(failed?.completed !== undefined);
  assert.equal(last.get('[3/3] RUN true')?.started, undefined);
});

test(
  'a stage runs while a stage that it copies from later is still at work',
  { timeout: 20_000 },
  async () => {
    await using room = await buildRoom();
    await room.build({
      Dockerfile: `FROM base AS waits
RUN --mount=type=cache,id=m,target=/m until [ -e /m/go ]; do sleep 0.05; done
FROM base
RUN --mount=type=cache,id=m,target=/m touch /m/go
COPY --from=waits /etc/passwd /p
`,
    });
  },
);

test('of two builds that need the same step, one makes it', { timeout: 20_000 }, async () => {
  await using room = await buildRoom();
  const files = {
    Dockerfile:
      'FROM base\nRUN --mount=type=cache,id=n,target=/n echo run >> /n/runs && sleep 0.3\nRUN --mount=type=cache,id=n,target=/n cat /n/runs\n',
  };
  const [one, other] = await Promise.all([room.build(files), room.build(files)]);
  assert.equal(one.image.id, other.image.id);
  assert.equal(`${one.output}${other.output}`.split('\n').filter((line) => line === 'run').length, 1);
});

test('a build goes on when the other one that made its step is cancelled', { timeout: 20_000 }, async () => {
  await using room = await buildRoom();
  const files = {
    Dockerfile:
      'FROM base\nRUN --mount=type=cache,id=o,target=/o echo begun; until [ -e /o/go ]; do sleep 0.05; done\n',
  };
  const abort = new AbortController();
  const begun = Promise.withResolvers<void>();
  const first = room.build(files, {
    signal: abort.signal,
    onProgress: ({ stream }) => {
      if (stream === 'begun\n') begun.resolve();
    },
  });
  const refused = assert.rejects(first, /enough/);
  await Promise.race([begun.promise, refused]);
  const second = room.build(files);
  abort.abort(new Error('enough'));
  await refused;
  await room.build({ Dockerfile: 'FROM base\nRUN --mount=type=cache,id=o,target=/o touch /o/go\n' });
  await second;
});
