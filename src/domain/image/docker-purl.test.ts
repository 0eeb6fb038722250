import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dockerPackageUrl } from './docker-purl.ts';

test('an image has the package URL that BuildKit gives it', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const urls = {
    alpine: 'pkg:docker/alpine@latest?platform=linux%2Famd64',
    'debian.berth/base:bookworm': 'pkg:docker/debian.berth/base@bookworm?platform=linux%2Famd64',
    'localhost:5000/team/app:1': 'pkg:docker/localhost:5000/team/app@1?platform=linux%2Famd64',
    [`alpine@${digest}`]: `pkg:docker/alpine?digest=${digest}&platform=linux%2Famd64`,
  };
  for (const [name, url] of Object.entries(urls)) assert.equal(dockerPackageUrl(name, 'linux/amd64'), url);
});
