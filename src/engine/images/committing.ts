import type { Container } from '#domain/container/container.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import { othersChanges } from '#domain/container/own-changes.ts';
import { tarEnd } from '#domain/archive/tar-writer.ts';
import { chainIdOf } from '#domain/image/chain.ts';
import { layerMediaType } from '#domain/image/compression.ts';
import { applyChanges } from '#domain/build/changes.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor, ImageConfig } from '#domain/image/manifest.ts';
import { familiarName, newName } from '#domain/image/reference.ts';
import type { CommitOptions } from '#engine/contracts.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { IngestLease } from '#engine/images/leases.ts';
import type { Parts } from '#engine/images/parts.ts';
import { storeImage } from '#engine/images/recording.ts';
import { UnpackingAhead } from '#engine/images/unpacking-ahead.ts';
import type { BlobInfo } from '#ports/blob-store.ts';

/** `docker commit`. The container keeps its snapshot; the layer is a copy of what it holds now. */
export async function commitContainer(
  parts: Parts,
  container: Container,
  options: CommitOptions,
): Promise<Image> {
  const base = parts.catalog.get(container.imageId);
  const tags = options.reference === undefined ? [] : [newName(options.reference)];
  const config = applyChanges(imageConfigOf(container.config, options.config ?? {}), options.changes);
  return await ingest(parts, { openEnded: true }, async (lease) => {
    await using ahead = new UnpackingAhead(parts);
    const without = othersChanges(await parts.snapshots.changes(container.id));
    const content = await ahead.store(parts.snapshots.diff(container.id, { without }));
    const added = content.size <= tarEnd.length ? undefined : await layerOf(content, base, ahead, lease);
    const image = await storeImage(
      parts,
      {
        config: {
          ...describe(parts, base, container, { ...options, isEmpty: added === undefined }),
          config,
          rootfs: {
            type: 'layers',
            diff_ids: [...base.config.rootfs.diff_ids, ...(added === undefined ? [] : [added.layer.digest])],
          },
        },
        layers: [...base.layers, ...(added === undefined ? [] : [added.layer])],
        tags,
        parent: base.id,
        size: base.size + (added?.size ?? 0),
      },
      lease,
    );
    parts.events.emit('image', 'create', image.id, { name: image.id });
    for (const tag of tags) parts.events.emit('image', 'tag', image.id, { name: familiarName(tag) });
    parts.events.emit('container', 'commit', container.id, { comment: options.comment, imageID: image.id });
    return image;
  });
}

/** What a container has changed, as a layer; the size is that of its files. */
async function layerOf(
  { digest, size }: BlobInfo,
  base: Image,
  ahead: UnpackingAhead,
  lease: IngestLease,
): Promise<{ layer: Descriptor; size: number }> {
  const chainId = chainIdOf([...base.config.rootfs.diff_ids, digest]) || digest;
  await lease.hold(digest, chainId);
  const layer = { mediaType: layerMediaType('none'), digest, size };
  const place = { layer, diffId: digest, chainId, parent: base.chainId };
  return { layer, size: await ahead.unpack(place) };
}

/** What of a container's settings is its own and not for those made from the image. */
function imageConfigOf(own: ContainerConfig, given: ContainerConfig): ContainerConfig {
  const kept = { ...own };
  delete kept.Hostname;
  delete kept.Domainname;
  delete kept.Image;
  delete kept.MacAddress;
  delete kept.Tty;
  delete kept.OpenStdin;
  delete kept.StdinOnce;
  delete kept.AttachStdin;
  delete kept.AttachStdout;
  delete kept.AttachStderr;
  if (Object.keys(kept.Volumes ?? {}).length === 0) delete kept.Volumes;
  if (Object.keys(kept.ExposedPorts ?? {}).length === 0) delete kept.ExposedPorts;
  return { ...kept, ...given };
}

function describe(
  parts: Parts,
  base: Image,
  container: Container,
  { comment, author, isEmpty }: CommitOptions & { isEmpty: boolean },
): Omit<ImageConfig, 'config' | 'rootfs'> {
  const created = parts.clock.timestamp();
  const step = {
    ...{ created, created_by: [container.path, ...container.args].join(' '), author, comment },
    ...(isEmpty && { empty_layer: true }),
  };
  const { architecture, os, variant } = base.config;
  return {
    created,
    author,
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    history: [...(base.config.history ?? base.layers.map(() => ({}))), step],
  };
}
