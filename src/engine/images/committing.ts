import type { Container } from '#domain/container/container.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import { chainIdOf } from '#domain/image/chain.ts';
import { layerMediaType } from '#domain/image/compression.ts';
import { applyChanges } from '#domain/image/import-changes.ts';
import type { Image } from '#domain/image/image.ts';
import type { ImageConfig } from '#domain/image/manifest.ts';
import { newName } from '#domain/image/reference.ts';
import type { CommitOptions } from '#engine/contracts.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { Parts } from '#engine/images/parts.ts';
import { storeImage } from '#engine/images/recording.ts';
import { UnpackingAhead } from '#engine/images/unpacking-ahead.ts';

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
    const { digest, size } = await ahead.store(parts.snapshots.diff(container.id));
    const diffIds = [...base.config.rootfs.diff_ids, digest];
    const chainId = chainIdOf(diffIds);
    await lease.hold(digest, ...(chainId === '' ? [] : [chainId]));
    const layer = { mediaType: layerMediaType('none'), digest, size };
    const place = { layer, diffId: digest, chainId: chainId === '' ? digest : chainId, parent: base.chainId };
    const unpacked = await ahead.unpack(place);
    const image = await storeImage(
      parts,
      {
        config: {
          ...describe(parts, base, container, options),
          config,
          rootfs: { type: 'layers', diff_ids: diffIds },
        },
        layers: [...base.layers, layer],
        tags,
        parent: base.id,
        size: base.size + unpacked,
      },
      lease,
    );
    parts.events.emit('container', 'commit', container.id, { comment: options.comment, imageID: image.id });
    return image;
  });
}

/** What of a container's settings is its own and not for those made from the image. */
function imageConfigOf(own: ContainerConfig, given: ContainerConfig): ContainerConfig {
  const kept = { ...own, AttachStdin: false, AttachStdout: false, AttachStderr: false };
  delete kept.Hostname;
  delete kept.Domainname;
  delete kept.Image;
  delete kept.MacAddress;
  return { ...kept, ...given };
}

function describe(
  parts: Parts,
  base: Image,
  container: Container,
  { comment, author }: CommitOptions,
): Omit<ImageConfig, 'config' | 'rootfs'> {
  const created = parts.clock.timestamp();
  const step = { created, created_by: [container.path, ...container.args].join(' '), author, comment };
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
