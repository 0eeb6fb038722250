import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFrontend, checkFrontendImage } from './frontend.ts';

test("Docker's own frontends are the engine's own, whatever their version and registry", () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  for (const image of [
    ...['docker/dockerfile', 'docker/dockerfile:1', 'docker/dockerfile:1.7-labs'],
    ...[
      'docker.io/docker/dockerfile:1',
      `docker/dockerfile:1@${digest}`,
      'docker/dockerfile-upstream:master',
    ],
    'mirror.example:5000/hub/docker/dockerfile:1.4',
  ]) {
    checkFrontendImage(image);
    checkFrontend({ name: 'Dockerfile', text: `# syntax=${image}\nFROM a\n` }, undefined);
  }
  checkFrontend({ name: 'Dockerfile', text: 'FROM a\n' }, undefined);
});

test('another frontend is refused by its name, before its file is read', () => {
  const file = (text: string) => ({ name: 'Dockerfile', text });
  const refusal = (image: string) => ({
    code: 'frontend-unsupported',
    message: `the frontend '${image}' is not offered`,
  });
  for (const image of [
    'example/frontend:1',
    'ghcr.io/a/buildpacks',
    'dockerfile',
    'notdocker/dockerfile',
    'UPPER',
  ]) {
    assert.throws(() => checkFrontendImage(image), refusal(image));
    assert.throws(
      () => checkFrontend(file(`# syntax=${image}\n{ "no": "Dockerfile" }`), undefined),
      refusal(image),
    );
    assert.throws(() => checkFrontend(file('# syntax=docker/dockerfile:1\n'), image), refusal(image));
  }
});
