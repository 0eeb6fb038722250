import { Readable } from 'node:stream';
import { messageOf } from '#base/errors.ts';
import type { Image } from '#domain/image/image.ts';
import { empty, mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
import { repositoryOf } from '#domain/image/reference.ts';
import type { ArtifactContent, Companion } from '#engine/images/base-images.ts';
import type { Parts } from '#engine/images/parts.ts';
import { sendBlob, voice, type Push } from '#engine/images/sending.ts';

/**
 * Pushes what goes along with an image: the signature and the bills of materials of one that was made here. A registry that
 * refuses them has the image all the same, and whoever pushes is told.
 * @param subject the image's manifest, as the registry has it
 */
export async function pushCompanions(
  parts: Parts,
  image: Image,
  run: Push,
  subject: Descriptor,
): Promise<void> {
  if (!parts.rules.pushReferrers) return;
  const companions = await parts.bases.companions(image, subject, repositoryOf(run.reference));
  if (companions.length === 0) return;
  try {
    for (const companion of companions) await pushOne(parts, run, subject, companion);
    run.onProgress({ status: 'Pushed its signature and bills of materials' });
  } catch (error) {
    run.signal.throwIfAborted();
    const problem = messageOf(error);
    run.onProgress({ status: `Its signature and bills of materials could not be pushed: ${problem}` });
  }
}

async function pushOne(
  parts: Parts,
  run: Push,
  { mediaType, digest, size }: Descriptor,
  { artifactType, layers, annotations, isReferrer, tag }: Companion,
): Promise<void> {
  const nothing = { mediaType: empty.mediaType, content: Buffer.from(empty.content), annotations: {} };
  const config = await send(parts, run, nothing);
  const sent: Descriptor[] = [];
  for (const layer of layers) sent.push(await send(parts, run, layer));
  const manifest: Manifest = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType, config, layers: sent },
    ...(isReferrer && { subject: { mediaType, digest, size } }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
  const { registry, repository } = run.reference;
  const reference = { registry, repository, ...(tag !== undefined && { tag }) };
  const content = Buffer.from(JSON.stringify(manifest));
  await parts.registry.pushManifest(reference, mediaTypes.ociManifest, content, run.auth, run.signal);
}

/** By the store, where a registry that shares it looks for it. */
async function send(
  parts: Parts,
  run: Push,
  { mediaType, content, annotations }: ArtifactContent,
): Promise<Descriptor> {
  const blob = await parts.blobs.write(Readable.from([content], { objectMode: false }));
  await run.lease.hold(blob.digest);
  const described = Object.keys(annotations).length === 0 ? {} : { annotations };
  const descriptor: Descriptor = { mediaType, ...blob, ...described };
  await sendBlob(parts, run, descriptor, voice(run, undefined));
  return descriptor;
}
