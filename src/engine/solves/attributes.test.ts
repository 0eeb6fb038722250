import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from './attributes.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('the options of a client become settings of a build', () => {
  const { settings, contexts, ...rest } = readOptions({
    filename: 'D',
    target: 'last',
    platform: 'linux/amd64',
    'build-arg:A': '1',
    'label:l': 'v',
    'no-cache': '',
    'image-resolve-mode': 'pull',
    'force-network-mode': 'none',
    'add-hosts': 'one=10.0.0.1,two=10.0.0.2',
    'shm-size': '1024',
    memory: '67108864',
    memswap: '-1',
    cpushares: '100',
    cpusetcpus: '0',
    ulimit: 'nofile=10:20,nproc=5',
    'context:base': 'docker-image://busybox',
    'context:more': 'local:more',
    'context:base::linux/arm64': `oci-layout://store:latest@${digest}`,
    'context:made': 'input:other',
    'input-metadata:other': '{}',
    'local-sessionid:more': 'another',
    'attest:provenance': 'mode=min,inline-only=true',
    'vcs:revision': 'abc',
    'sharedkey:localdir:more': 'src/more:node',
  });
  assert.deepEqual(settings, {
    buildArgs: { A: '1' },
    labels: { l: 'v' },
    target: 'last',
    platform: 'linux/amd64',
    noCache: true,
    pull: true,
    networkMode: 'none',
    extraHosts: ['one:10.0.0.1', 'two:10.0.0.2'],
    resources: {
      Memory: 67_108_864,
      MemorySwap: -1,
      CpuShares: 100,
      CpusetCpus: '0',
      ShmSize: 1024,
      Ulimits: [
        { Name: 'nofile', Soft: 10, Hard: 20 },
        { Name: 'nproc', Soft: 5, Hard: 5 },
      ],
    },
    attest: { provenance: { mode: 'min', inlineOnly: true } },
  });
  assert.deepEqual(contexts, {
    base: { image: 'busybox' },
    more: { local: 'more' },
    'base::linux/arm64': { layout: { store: 'store', digest } },
    made: { input: 'other' },
  });
  assert.deepEqual(rest, {
    filename: 'D',
    dockerfileFolder: 'dockerfile',
    dockerfileApart: false,
    contextFolder: 'context',
    sessions: { more: 'another' },
    cacheFrom: [],
  });
});

test('several platforms, stages without cache, attestations and a fixed time are asked for', () => {
  const { settings, remote } = readOptions({
    context: 'https://example.com/app.git',
    platform: 'linux/amd64,linux/arm64',
    'no-cache': 'one,two',
    'attest:sbom': '',
    'attest:provenance': 'mode=max',
    'build-arg:SOURCE_DATE_EPOCH': '1700000000',
  });
  assert.equal(remote, 'https://example.com/app.git');
  assert.deepEqual(settings, {
    buildArgs: { SOURCE_DATE_EPOCH: '1700000000' },
    labels: {},
    platforms: ['linux/amd64', 'linux/arm64'],
    noCacheFor: ['one', 'two'],
    attest: { provenance: { mode: 'max' }, sbom: true },
    sourceDateEpoch: 1_700_000_000,
  });
});

test('what is not known is refused by its name', () => {
  const wrong = [
    [{ strange: 'x' }, /option 'strange'/],
    [{ 'context:a': 'oci-layout://store@sha256:1' }, /oci-layout reference "store@sha256:1" has no digest/],
    [{ 'context:a': 'strange://x' }, /named context 'a' of 'strange:/],
    [{ ulimit: 'nofile' }, /invalid ulimit argument: nofile/],
    [{ memory: '64m' }, /invalid memory value: 64m/],
    [{ cpuquota: '-1' }, /invalid cpuquota value: -1/],
    [{ 'cache-imports': '{' }, /'cache-imports' is no list/],
    [{ 'build-arg:SOURCE_DATE_EPOCH': 'now' }, /invalid SOURCE_DATE_EPOCH: 'now'/],
  ] as const;
  for (const [attributes, message] of wrong) assert.throws(() => readOptions({ ...attributes }), message);
});
