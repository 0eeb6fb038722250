import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from './container.ts';
import { logDetails } from './log-details.ts';
import { checkTag } from './log-tag.ts';
import { newState } from './state.ts';

function container(options: Record<string, string>): Container {
  return {
    id: 'abcdef0123456789',
    name: 'web',
    created: '',
    imageId: 'sha256:fedcba9876543210',
    imageName: 'nginx:1',
    platform: 'linux',
    config: { Labels: { team: 'a b', 'app.x': '1', other: '2' }, Env: ['MODE=on=1', 'SECRET=s'] },
    hostConfig: { LogConfig: { Type: 'json-file', Config: options } },
    path: 'server',
    args: ['-p'],
    mounts: [],
    endpoints: [],
    ports: [],
    state: newState(),
  };
}

test('details are what the log options name, sorted and escaped', () => {
  assert.equal(logDetails(container({})), '');
  assert.equal(logDetails(container({ labels: 'team,none', env: 'MODE' })), 'MODE=on%3D1,team=a+b');
  assert.equal(logDetails(container({ 'labels-regex': '^app', 'env-regex': '^M' })), 'MODE=on%3D1,app.x=1');
});

test('a tag is a template of fields', () => {
  const tag = '{{.ImageName}}/{{ .Name }}/{{.ID}}/{{.ImageID}}/{{.Command}}';
  assert.equal(
    logDetails(container({ tag })),
    `tag=${encodeURIComponent('nginx:1/web/abcdef012345/fedcba987654/server')}+-p`,
  );
  checkTag(tag);
  for (const bad of ['{{.Nosuch}}', '{{if .ID}}x{{end}}'])
    assert.throws(() => checkTag(bad), /invalid tag/, bad);
});
