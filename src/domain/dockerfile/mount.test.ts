import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkMount, readMount, type Mount } from './mount.ts';

const read = (text: string): Mount => readMount(text, (value) => value.replaceAll('$NAME', 'expanded'));

test('each type has its defaults', () => {
  const cases: [string, Mount][] = [
    ['target=/x', { type: 'bind', source: '', target: '/x', readOnly: true }],
    [
      'type=bind,from=a,src=/s,dst=/x,rw',
      { type: 'bind', from: 'a', source: '/s', target: '/x', readOnly: false },
    ],
    [
      'type=cache,target=/root/./.cache/',
      {
        ...{ type: 'cache', id: '/root/.cache', source: '', target: '/root/./.cache/', readOnly: false },
        ...{ sharing: 'shared', uid: 0, gid: 0, mode: 0o755 },
      },
    ],
    ['type=tmpfs,target=/t,size=64m', { type: 'tmpfs', target: '/t', size: 67108864 }],
    [
      'type=secret,id=a/$NAME',
      { type: 'secret', id: 'a/expanded', target: '/run/secrets/expanded', required: false },
    ],
    [
      'type=secret,target=/a/token,required,mode=0444,uid=1,gid=2',
      { type: 'secret', id: 'token', target: '/a/token', required: true, uid: 1, gid: 2, mode: 0o444 },
    ],
    ['type=secret,id=t,env=T', { type: 'secret', id: 't', env: 'T', required: false }],
    ['type=ssh', { type: 'ssh', id: 'default', required: false, uid: 0, gid: 0, mode: 0o600 }],
  ];
  for (const [text, mount] of cases) assert.deepEqual(read(text), mount, text);
});

test('fields are CSV, and the last of two holds', () => {
  const mount = read('type=bind,"source=a,b",target=/x,"target=/say ""hi"""');
  assert.deepEqual(mount, { type: 'bind', source: 'a,b', target: '/say "hi"', readOnly: true });
});

test('what does not fit is said in words, with what may help', () => {
  const cases: Record<string, RegExp> = {
    'type=bund,target=/x': /unsupported mount type "bund"/,
    'targt=/x': /unexpected key 'targt' in 'targt=\/x'/,
    'type=cache,target=/x,sharing=mine': /unsupported sharing value "mine"/,
    'type=bind,target=/x,uid=1': /uid not allowed for "bind" type mounts/,
    'type=tmpfs,target=/x,mode=0700': /mode not allowed for "tmpfs" type mounts/,
    'type=bind,target=/x,sharing=locked': /invalid cache sharing set for bind mount/,
    'type=cache,target=/x,required': /unexpected key 'required' for mount type 'cache'/,
    'type=bind,target=/x,size=1m': /unexpected key 'size' for mount type 'bind'/,
    'type=secret': /invalid secret mount. one of source, target required/,
    'type=secret,id=a,source=b': /both source and id can't be set/,
    'type=secret,id=a,from=b': /secret mount should not have a from/,
    'type=ssh,source=a': /ssh does not support source/,
    'target=/x,ro=maybe': /invalid value for ro: maybe/,
    'type=cache,target=/x,mode=9': /invalid value 9 for mode/,
    'target=/x,quiet': /invalid field 'quiet' must be a key=value pair/,
    'a"b': /failed to parse csv mounts/,
  };
  for (const [text, expected] of Object.entries(cases)) assert.throws(() => read(text), expected, text);
});

test('where it comes from must be known before the build, the rest need not', () => {
  assert.equal(checkMount('type=$TYPE,from=tools,target=$X'), 'tools');
  assert.equal(checkMount('type=cache,target=/x'), undefined);
  assert.throws(() => checkMount('from=$TOOLS,target=/x'), /'from' doesn't support variable expansion/);
});
