import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import { alikeSteps } from './alike.ts';
import { planBuild } from './plan.ts';

function alikeIn(text: string): [number, number][] {
  const request = { args: {}, labels: { from: 'test' }, machine: 'linux/amd64' };
  const plans = ['linux/amd64', 'linux/arm64'].map((platform) =>
    planBuild(parseDockerfile(text), { ...request, platform }),
  );
  return [...alikeSteps(plans)];
}

test('stages of the building machine are alike up to where they take what tells the target', () => {
  const text = `ARG MINE=$TARGETARCH
FROM --platform=$BUILDPLATFORM busybox AS tools
RUN make
FROM tools AS compiler
COPY --from=tools /a /a
RUN cc
ARG TARGETARCH
RUN cross
FROM tools AS other
ARG MINE
FROM compiler AS after
RUN more
FROM tools AS image
COPY --from=busybox /a /a
FROM scratch
COPY --from=compiler /a /a
COPY --from=other /a /a
COPY --from=after /a /a
COPY --from=image /a /a
`;
  assert.deepEqual(alikeIn(text), [
    [0, 1],
    [1, 2],
    [2, 0],
    [4, 0],
  ]);
});

test('what is for the target is alike in nothing, nor is a base that the target names', () => {
  assert.deepEqual(alikeIn('FROM busybox\nRUN make\n'), []);
  assert.deepEqual(alikeIn('FROM --platform=$TARGETPLATFORM busybox\nRUN make\n'), []);
  assert.deepEqual(alikeIn('ARG TARGETARCH\nFROM --platform=$BUILDPLATFORM base-$TARGETARCH\n'), []);
  assert.deepEqual(alikeIn('FROM --platform=linux/amd64 busybox\n'), [[0, 1]]);
});
