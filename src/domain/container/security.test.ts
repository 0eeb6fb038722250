import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSecurityOptions, securityWarnings } from './security.ts';

test('security options are read with = and with :', () => {
  assert.deepEqual(parseSecurityOptions(['no-new-privileges:true', 'seccomp=unconfined', 'apparmor:x']), {
    noNewPrivileges: true,
    seccomp: 'unconfined',
    apparmor: 'x',
  });
  for (const bad of ['odd', 'odd=1', 'no-new-privileges=perhaps'])
    assert.throws(() => parseSecurityOptions([bad]), { kind: 'invalid', message: /invalid --security-opt/ });
});

test('what the host cannot enforce is said', () => {
  const quiet = ['label=disable', 'apparmor=unconfined', 'seccomp=unconfined'];
  assert.deepEqual(securityWarnings(quiet, { apparmor: false }), []);
  assert.deepEqual(securityWarnings(['apparmor=web'], { apparmor: true }), []);
  const [label = '', profile = ''] = securityWarnings(['label=type:web_t', 'apparmor=web'], {
    apparmor: false,
  });
  assert.match(label, /'label=type:web_t' has no effect/);
  assert.match(profile, /'web' has no effect/);
});
