import {
  isIndexType,
  looksLikeIndex,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from '#domain/image/documents.ts';
import { mediaTypes, type Descriptor, type Platform } from '#domain/image/manifest.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { Parts } from '#engine/images/parts.ts';
import { refuseLargeConfig } from '#engine/images/pulling.ts';
import { buffer } from 'node:stream/consumers';
import type { Credentials } from '#ports/registry-client.ts';

/** `docker manifest inspect` and the like: what a registry has under a name. */
export async function inspectRemote(
  parts: Parts,
  name: string,
  auth: Credentials | undefined,
  signal: AbortSignal,
): Promise<{ descriptor: Descriptor; platforms: Platform[] }> {
  const reference = parseReference(name);
  const { mediaType, digest, content } = await parts.registry.manifest(reference, auth, signal);
  const text = content.toString('utf8');
  const descriptor: Descriptor = {
    mediaType: mediaType || mediaTypes.ociManifest,
    digest,
    size: content.length,
  };
  if (isIndexType(mediaType) || looksLikeIndex(text)) {
    const platforms = parseIndex(text).manifests.flatMap(({ platform }) => platform ?? []);
    return { descriptor, platforms };
  }
  const manifest = parseManifest(text);
  refuseLargeConfig(reference, manifest);
  const blob = await buffer(await parts.registry.blob(reference, manifest.config, auth, signal));
  const { architecture, os, variant } = parseImageConfig(blob.toString('utf8'));
  return { descriptor, platforms: [{ architecture, os, ...(variant === undefined ? {} : { variant }) }] };
}
