import { mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { NewArtifact, PullOptions } from '#engine/contracts.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { Parts } from '#engine/images/parts.ts';
import { sendBlob, sendLayer, voice, type Push } from '#engine/images/sending.ts';

/** Layers that are no image's, such as those of a build's cache. @throws as RegistryClient */
export async function pushArtifact(
  parts: Parts,
  name: string,
  artifact: NewArtifact,
  options: Omit<PullOptions, 'platform'>,
): Promise<void> {
  const reference = parseReference(name);
  await ingest(parts, { openEnded: true }, async (lease) => {
    const run: Push = { ...options, reference, lease };
    const layers = await sendLayers(parts, run, artifact.layers);
    const content = Buffer.from(artifact.config.contentOf(layers));
    const blob = await parts.blobs.write([content]);
    await lease.hold(blob.digest);
    const config: Descriptor = { mediaType: artifact.config.mediaType, ...blob };
    await sendBlob(parts, run, config, voice(run, undefined));
    const manifest: Manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
    const text = Buffer.from(JSON.stringify(manifest));
    await parts.registry.pushManifest(reference, mediaTypes.ociManifest, text, run.auth, run.signal);
  });
}

/** Each once. Gives them as they are in the registry. */
async function sendLayers(parts: Parts, run: Push, layers: readonly Descriptor[]): Promise<Descriptor[]> {
  const sent = new Map<string, Descriptor>();
  const found: Descriptor[] = [];
  for (const layer of layers) {
    const known = sent.get(layer.digest) ?? (await sendLayer(parts, run, layer, voice(run, undefined)));
    sent.set(layer.digest, known);
    found.push(known);
  }
  return found;
}
