import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import { planBuild } from './plan.ts';
import { plannedVertices } from './vertices.ts';

function verticesOf(text: string, platform = 'linux/amd64', shown?: string): [string, number[]][] {
  const request = { args: {}, labels: {}, platform, machine: 'linux/amd64' };
  const planned = plannedVertices(planBuild(parseDockerfile(text), request), shown);
  return planned.flat().map(({ name, stages }) => [name, stages]);
}

test('what works on files is named with its stage and place, and what it uses', () => {
  const text = `FROM busybox AS builder
ENV a=b
run make
FROM builder
WORKDIR /w
FROM scratch AS unused
COPY a b
FROM debian:12
COPY --from=builder /a /a
CMD x
RUN --mount=from=1,target=/m true
`;
  assert.deepEqual(verticesOf(text), [
    ['[builder 1/2] FROM docker.io/library/busybox:latest', []],
    ['[builder 2/2] RUN make', []],
    ['[stage-1 1/1] WORKDIR /w', [0]],
    ['[stage-3 1/3] FROM docker.io/library/debian:12', []],
    ['[stage-3 2/3] COPY --from=builder /a /a', [0]],
    ['[stage-3 3/3] RUN --mount=from=1,target=/m true', [1]],
  ]);
});

test('a single stage without a name has no label, and numbers are as wide as the last', () => {
  const names = verticesOf(`FROM busybox\n${'RUN true\n'.repeat(9)}`).map(([name]) => name);
  assert.equal(names[0], '[ 1/10] FROM docker.io/library/busybox:latest');
  assert.equal(names[9], '[10/10] RUN true');
});

test('beside builds for other platforms each says which it is for, and which a stage is of', () => {
  const text =
    'FROM --platform=$BUILDPLATFORM go AS tools\nRUN make\nFROM scratch\nCOPY --from=tools /a /a\n';
  const names = verticesOf(text, 'linux/arm64', 'linux/arm64').map(([name]) => name);
  assert.deepEqual(names, [
    '[linux/amd64->arm64 tools 1/2] FROM docker.io/library/go:latest',
    '[linux/amd64->arm64 tools 2/2] RUN make',
    '[linux/arm64 stage-1 1/1] COPY --from=tools /a /a',
  ]);
});
