import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import type { HostConfig } from './config.ts';
import { checkModes, checkRemapped } from './mode-checks.ts';

describe('modes and options of a host configuration', () => {
  const refused: [HostConfig, RegExp][] = [
    [{ IpcMode: 'odd' }, /invalid IPC mode: odd/],
    [{ PidMode: 'container:' }, /invalid PID mode/],
    [{ UTSMode: 'container:x' }, /invalid UTS mode/],
    [{ UsernsMode: 'private' }, /invalid user namespace mode/],
    [{ Runtime: 'kata' }, /unknown or invalid runtime name: kata/],
    [
      { DeviceRequests: [{ Capabilities: [['tpu']] }] },
      /could not select device driver "" with capabilities: \[\["tpu"\]\]/,
    ],
    [{ StorageOpt: { size: '1g' } }, /storage option 'size'/],
  ];
  for (const [host, message] of refused)
    it(`are refused by name: ${message.source}`, () =>
      assert.throws(() => checkModes(host, ['crun', 'runc']), { message }));

  it('are taken when they exist', () => {
    checkModes({ IpcMode: 'container:x', PidMode: 'host', UTSMode: '', Runtime: 'runc', StorageOpt: {} }, [
      'crun',
      'runc',
    ]);
  });
});

describe('a container with remapped ids', () => {
  const refused: [HostConfig, RegExp][] = [
    [{ Privileged: true }, /^privileged mode is incompatible with user namespaces/],
    [{ NetworkMode: 'host' }, /^cannot share the host's network namespace when user namespaces are enabled$/],
    [{ PidMode: 'host' }, /^cannot share the host PID namespace when user namespaces are enabled$/],
    [{ IpcMode: 'host' }, /^cannot share the host's IPC namespace when user namespaces are enabled$/],
  ];
  for (const [host, message] of refused)
    it(`has no ${JSON.stringify(host)}, unless it is left out of the remapping`, () => {
      assert.throws(() => checkRemapped(host), { kind: 'invalid', message });
      checkRemapped({ ...host, UsernsMode: 'host' });
    });
});
