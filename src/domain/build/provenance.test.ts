import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProvenance, parseSbom } from './attestation-options.ts';
import { provenanceOf, type BuildFacts } from './provenance.ts';

const material = {
  uri: 'pkg:docker/debian.berth/base@bookworm?platform=linux%2Famd64',
  digest: { sha256: 'a' },
};
const facts: BuildFacts = {
  dockerfile: { name: 'Dockerfile', base64: 'RlJPTSBzY3JhdGNoCg==' },
  args: { 'build-arg:TOKEN': 'hidden', 'label:a': 'b', target: 'app' },
  machine: 'linux/amd64',
  materials: [material],
  steps: [{ id: 'step0', name: '[1/1] RUN make', inputs: [], line: 2 }],
  invocationId: 'one',
  started: '2023-06-10T00:00:00Z',
  finished: '2023-06-10T00:00:01Z',
};

test('the least that is told of a build has neither arguments nor labels, and says so', () => {
  assert.deepEqual(provenanceOf(facts, { mode: 'min' }), {
    builder: { id: '' },
    buildType: 'https://mobyproject.org/buildkit@v1',
    materials: [material],
    invocation: {
      configSource: { entryPoint: 'Dockerfile' },
      parameters: {
        frontend: 'dockerfile.v0',
        args: { target: 'app' },
        locals: [{ name: 'context' }, { name: 'dockerfile' }],
      },
      environment: { platform: 'linux/amd64' },
    },
    metadata: {
      buildInvocationID: 'one',
      buildStartedOn: '2023-06-10T00:00:00Z',
      buildFinishedOn: '2023-06-10T00:00:01Z',
      completeness: { parameters: false, environment: true, materials: false },
      reproducible: false,
      'https://mobyproject.org/buildkit@v1#metadata': {},
    },
  });
});

test('all that is told of a build has its arguments, steps and the Dockerfile', () => {
  const text = JSON.stringify(provenanceOf(facts, { mode: 'max', builderId: 'me', reproducible: true }));
  for (const part of [
    '"builder":{"id":"me"}',
    '"build-arg:TOKEN":"hidden","label:a":"b"',
    '"buildConfig":{"steps":[{"id":"step0","name":"[1/1] RUN make","inputs":[],"line":2}]}',
    '"completeness":{"parameters":true,',
    '"reproducible":true',
    '"infos":[{"filename":"Dockerfile","language":"Dockerfile","data":"RlJPTSBzY3JhdGNoCg=="}]',
    '"step0":{"locations":[{"ranges":[{"start":{"line":2},"end":{"line":2}}]}]}',
  ])
    assert.ok(text.includes(part), `${part} in ${text}`);
});

test('version 1 tells the same in its own words', () => {
  const text = JSON.stringify(
    provenanceOf({ ...facts, uri: 'https://host/app.git' }, { mode: 'min', version: 'v1' }),
  );
  for (const part of [
    '"configSource":{"uri":"https://host/app.git","path":"Dockerfile"}',
    '"request":{"frontend":"dockerfile.v0","args":{"target":"app"}}',
    `"resolvedDependencies":[${JSON.stringify(material)}]`,
    '"invocationID":"one","startedOn":"2023-06-10T00:00:00Z","finishedOn":"2023-06-10T00:00:01Z"',
    '"buildkit_completeness":{"request":false,"resolvedDependencies":false}',
  ])
    assert.ok(text.includes(part), `${part} in ${text}`);
  assert.ok(!text.includes('hidden'));
});

test('attestations are asked for in the words of buildx', () => {
  assert.deepEqual(parseProvenance('true'), { mode: 'min' });
  assert.deepEqual(parseProvenance(''), { mode: 'min' });
  assert.deepEqual(parseProvenance('mode=max,version=v1,builder-id=me,reproducible=true'), {
    ...{ mode: 'max', version: 'v1', builderId: 'me', reproducible: true },
  });
  assert.deepEqual(parseProvenance('mode=min,inline-only=true'), { mode: 'min', inlineOnly: true });
  for (const off of ['false', 'disabled=true']) assert.equal(parseProvenance(off), undefined, off);
  assert.deepEqual(['', 'true', 'false', 'disabled=true'].map(parseSbom), [true, true, false, false]);
  assert.throws(() => parseProvenance('mode=most'), /the mode is 'min' or 'max'/);
  assert.throws(() => parseProvenance('version=v2'), /the version is 'v0.2' or 'v1'/);
  assert.deepEqual(parseProvenance('type=provenance,mode=max'), { mode: 'max' });
  assert.equal(parseSbom('type=sbom'), true);
  assert.equal(parseSbom('generator=docker/buildkit-syft-scanner:stable-1'), true);
  assert.throws(() => parseSbom('depth=2'), /'depth' is not offered/);
});
