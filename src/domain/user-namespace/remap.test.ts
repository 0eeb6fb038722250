import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remapOf, type IdFiles } from './remap.ts';

const files: IdFiles = {
  passwd: 'root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n',
  group: 'root:x:0:\nstaff:x:50:\n',
  subuid: 'dockremap:100000:65536\nalice:300000:1000\nbob:1:1\n1000:400000:500\n',
  subgid: 'alice:600000:65536\ndockremap:200000:65536\n',
};

test('default means dockremap', () => {
  assert.deepEqual(remapOf('default', files), {
    uids: [{ containerID: 0, hostID: 100000, size: 65536 }],
    gids: [{ containerID: 0, hostID: 200000, size: 65536 }],
  });
});

test("a user's ranges follow one another, whether the lines or the setting name the user or the number", () => {
  for (const setting of ['alice', '1000', 'alice:staff', '1000:50'])
    assert.deepEqual(remapOf(setting, files), {
      uids: [
        { containerID: 0, hostID: 300000, size: 1000 },
        { containerID: 1000, hostID: 400000, size: 500 },
      ],
      gids: [{ containerID: 0, hostID: 600000, size: 65536 }],
    });
});

test('what cannot be is refused with what is missing', () => {
  const refused: [string, Partial<IdFiles>, RegExp][] = [
    ['root', {}, /root cannot be remapped/],
    ['0', {}, /root cannot be remapped/],
    ['alice:nogroup', {}, /the group 'nogroup' is not in \/etc\/group/],
    ['carol', {}, /\/etc\/subuid has no range for 'carol'/],
    ['bob', {}, /\/etc\/subgid has no range for 'bob'/],
    ['default', { subuid: '', subgid: '' }, /\/etc\/subuid has no range for 'dockremap'/],
    ['alice', { subuid: 'alice:0:65536' }, /the line 'alice:0:65536'/],
    ['alice', { subuid: 'alice:x:65536' }, /the line 'alice:x:65536'/],
    ['alice', { subgid: 'alice:5' }, /\/etc\/subgid has the line 'alice:5'/],
  ];
  for (const [setting, changed, message] of refused)
    assert.throws(() => remapOf(setting, { ...files, ...changed }), {
      kind: 'invalid',
      code: 'userns-remap-invalid',
      message,
    });
});
