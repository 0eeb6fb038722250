import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { allCapabilities } from '#domain/container/capabilities.ts';
import type { RuntimeSpec } from '#domain/container/runtime-spec.ts';
import { buildSpec } from '#domain/container/spec.ts';
import type { SpecInput } from '#domain/container/spec-input.ts';
import { testContainer } from '../support/tasks.ts';

// One folder for each case: input.json (what differs from a plain container) and spec.json (what becomes of it,
// without the seccomp rules, which have tests of their own).

interface Case {
  container: Partial<SpecInput['container']>;
  input?: Partial<SpecInput>;
  host?: Partial<SpecInput['host']>;
}

const folder = join(import.meta.dirname, 'spec');

function read(name: string, file: string): string {
  return readFileSync(join(folder, name, file), 'utf8');
}

function build({ container, input, host }: Case): RuntimeSpec {
  return buildSpec({
    container: { ...testContainer('0123456789ab', ['server', '--port', '80']), ...container },
    rootPath: '/var/lib/berth/snapshots/1',
    user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
    namespaces: { network: { path: '/run/berth/netns/1' }, pid: 'private', ipc: 'private', uts: 'private' },
    files: { resolvConf: '/run/berth/1/resolv.conf', hosts: '/run/berth/1/hosts', hostname: '/run/berth/1/hostname' },
    devices: [],
    blockDevices: {},
    cgroupParent: '/berth-a1b2c3',
    host: {
      cgroupVersion: 2,
      controllers: ['cpu', 'cpuset', 'io', 'memory', 'pids'],
      swapAccounting: true,
      hardLimits: {},
      capabilities: [...allCapabilities],
      architecture: 'x64',
      kernel: { major: 6, minor: 1 },
      blkioWeight: true,
      cpus: { count: 2, online: '0-1', nodes: '0' },
      topology: [{ id: 0, cpus: [0, 1], memory: 0 }],
      apparmor: false,
      ...host,
    },
    ...input,
  });
}

for (const name of readdirSync(folder))
  test(`the specification of the case ${name} is as recorded`, () => {
    const parse: (text: string) => Case = JSON.parse;
    const spec = build(parse(read(name, 'input.json')));
    const { seccomp, ...linux } = spec.linux;
    const recorded: unknown = JSON.parse(read(name, 'spec.json'));
    assert.deepEqual({ ...spec, linux: { ...linux, hasSeccomp: seccomp !== undefined } }, recorded);
  });
