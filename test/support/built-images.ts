import assert from 'node:assert/strict';
import { join } from 'node:path';
import { SecretRequest, SecretResponse } from '#adapters/buildkit/messages.ts';
import { notFound } from '#base/errors.ts';
import { unary } from '#base/grpc/server.ts';
import { contextOf, type BuildCase } from './build-cases.ts';
import { BuildkitClient, fileSync } from './buildkit-client.ts';
import type { TestDaemon } from './daemon.ts';
import { readTree, type Tree } from './image-trees.ts';

/** Builds it; gives the name of its image. Where secrets are given by BuildKit's protocol, as only that knows them. */
export async function buildByBerth(daemon: TestDaemon, each: BuildCase): Promise<string> {
  const folder = await contextOf(each, daemon.folder);
  const image = `built/${each.name}`;
  const build = (...words: string[]): Promise<string> =>
    daemon.ok('build', '-q', ...words, folder, { environment: { DOCKER_BUILDKIT: '0' } });
  if (each.parent !== undefined) await build('-t', 'parent', '-f', join(folder, 'parent.Dockerfile'));
  if (Object.keys(each.secrets).length > 0) await buildWithSecrets(daemon, each, image);
  else
    await build(
      '-t',
      image,
      ...Object.entries(each.arguments).flatMap(([k, v]) => ['--build-arg', `${k}=${v}`]),
    );
  return image;
}

async function buildWithSecrets(daemon: TestDaemon, each: BuildCase, name: string): Promise<void> {
  const methods = {
    ...fileSync({ context: {}, dockerfile: { Dockerfile: each.dockerfile } }),
    '/moby.buildkit.secrets.v1.Secrets/GetSecret': unary(SecretRequest, SecretResponse, ({ id }) => {
      const secret = each.secrets[id];
      if (secret === undefined) throw notFound('secret-not-found', `secret ${id}: not found`);
      return Promise.resolve({ data: Buffer.from(secret) });
    }),
  };
  await using client = await BuildkitClient.open(daemon.socket, methods);
  await client.solve({ exporters: [{ type: 'moby', attributes: { name } }] });
}

// What a container gets at its start, on any engine.
const ofContainers = new Set([
  '/.dockerenv',
  '/dev/console',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/resolv.conf',
  '/etc/mtab',
]);

/** The tree of an image as Berth itself sees it. */
export async function exportedTree(daemon: TestDaemon, image: string): Promise<Tree> {
  const made = await daemon.api('POST', '/containers/create', { Image: image, Cmd: ['none'] });
  assert.equal(made.status, 201, made.text);
  const parse: (text: string) => { Id: string } = JSON.parse;
  const container = `/containers/${parse(made.text).Id}`;
  const tree = await readTree(await daemon.open('GET', `${container}/export`));
  await daemon.api('DELETE', container);
  return new Map([...tree].filter(([path]) => !ofContainers.has(path)));
}

/** Docker's config of an image, as JSON. */
export async function configOf(daemon: TestDaemon, image: string): Promise<string> {
  const parse: (text: string) => { Config: unknown } = JSON.parse;
  return JSON.stringify(parse((await daemon.api('GET', `/images/${image}/json`)).text).Config);
}
