import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { chainIds } from '#domain/image/chain.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type ImageConfig } from '#domain/image/manifest.ts';
import type { Progress } from '#engine/contracts.ts';
import { digestOf, layerOf } from '../contract/snapshotter.ts';
import type { ImageRoom } from './image-room.ts';

// Small images of two layers, and archives of them.

export const lower = layerOf([
  ['bin/', 'directory'],
  ['bin/true', 'file', { content: '#!', mode: 0o755 }],
]);
export const upper = layerOf([
  ['etc', 'directory'],
  ['etc/app', 'file', { content: 'app' }],
]);

export function configOf(layers: Buffer[]): ImageConfig {
  return {
    created: '2026-01-01T00:00:00Z',
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/bin/true'] },
    rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
    history: layers.map((_, i) => ({ created_by: `step ${i}` })),
  };
}

/** As docker save up to version 24 wrote it: a layer that comes twice is a symbolic link. */
export function dockerArchive(images: { config: ImageConfig; tags: string[]; layers: Buffer[] }[]): Buffer {
  const seen = new Map<string, string>();
  const members: Parameters<typeof layerOf>[0] = [];
  const manifest = images.map(({ config, tags, layers }, i) => {
    const body = JSON.stringify(config);
    const name = `${digestOf(Buffer.from(body)).slice(7)}.json`;
    members.push([name, 'file', { content: body }]);
    const names = layers.map((layer, j) => {
      const digest = digestOf(layer);
      const path = `layer-${i}-${j}/layer.tar`;
      const first = seen.get(digest);
      if (first === undefined) members.push([path, 'file', { content: layer }]);
      else members.push([path, 'symlink', { linkName: `../${first}` }]);
      seen.set(digest, first ?? path);
      return path;
    });
    return { Config: name, RepoTags: tags, Layers: names };
  });
  members.push(['manifest.json', 'file', { content: JSON.stringify(manifest) }]);
  return layerOf(members);
}

export async function load(room: ImageRoom, archive: Buffer): Promise<Progress[]> {
  const progress: Progress[] = [];
  await room.images.load(Readable.from([archive], { objectMode: false }), (line) => progress.push(line));
  return progress;
}

export async function blobsIn(room: ImageRoom): Promise<number> {
  return (await readdir(join(room.root, 'blobs/sha256'))).length;
}

export async function store(
  room: ImageRoom,
  tags: string[],
  layers: Buffer[],
  more: Partial<Image> = {},
): Promise<Image> {
  const descriptors = [];
  const config = configOf(layers);
  const chain = chainIds(config.rootfs.diff_ids);
  for (const [i, layer] of layers.entries()) {
    const blob = await room.blobs.write([layer]);
    descriptors.push({ mediaType: mediaTypes.ociLayer, ...blob });
    const [chainId, parent = ''] = [chain[i], chain[i - 1]];
    if (chainId !== undefined) await room.snapshots.unpack(chainId, parent, Readable.from([layer]));
  }
  return room.images.store({ config, layers: descriptors, tags, size: 5, ...more });
}
