import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
  const container = await daemon.ok('create', image, 'none');
  const { environment } = daemon;
  const child = spawn('docker', ['export', container], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  const [tree] = await Promise.all([readTree(child.stdout), once(child, 'close')]);
  await daemon.ok('rm', container);
  return new Map([...tree].filter(([path]) => !ofContainers.has(path)));
}
