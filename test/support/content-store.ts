import { ReadRequest, ReadResponse } from '#adapters/buildkit/content.ts';
import { answering, type Methods } from '#base/grpc/server.ts';
import { GrpcError, grpcCodes } from '#base/grpc/status.ts';
import { configOf } from './image-archives.ts';
import { digestOf } from '../contract/snapshotter.ts';

/** Blobs by their digests. */
export type Blobs = Map<string, Buffer>;

/** An image of these layers for a platform, as the blobs of an OCI layout. Gives the digest of its manifest. */
export function addImage(blobs: Blobs, layers: Buffer[], architecture: string): string {
  const put = (content: Buffer, mediaType: string): { mediaType: string; digest: string; size: number } => {
    const digest = digestOf(content);
    blobs.set(digest, content);
    return { mediaType, digest, size: content.length };
  };
  const config = { ...configOf(layers), architecture };
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: put(Buffer.from(JSON.stringify(config)), 'application/vnd.oci.image.config.v1+json'),
    layers: layers.map((layer) => put(layer, 'application/vnd.oci.image.layer.v1.tar')),
  };
  return put(Buffer.from(JSON.stringify(manifest)), manifest.mediaType).digest;
}

/** An index of manifests, by their architectures. Gives its digest. */
export function addIndex(blobs: Blobs, manifests: Readonly<Record<string, string>>): string {
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: Object.entries(manifests).map(([architecture, digest]) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      ...{ digest, size: blobs.get(digest)?.length ?? 0 },
      platform: { os: 'linux', architecture },
    })),
  };
  const content = Buffer.from(JSON.stringify(index));
  blobs.set(digestOf(content), content);
  return digestOf(content);
}

/** Serves OCI layouts as a session does. @param read gets the digest of each blob that was asked for */
export function contentStores(stores: Readonly<Record<string, Blobs>>, read: string[] = []): Methods {
  return {
    '/containerd.services.content.v1.Content/Read': answering(
      ReadRequest,
      ReadResponse,
      async function* ({ digest }, { metadata }) {
        const store = metadata['buildkit-attachable-store-id'];
        const content = stores[String(store)]?.get(digest);
        read.push(digest);
        if (content === undefined)
          throw await Promise.resolve(new GrpcError(grpcCodes.notFound, `content ${digest}: not found`));
        yield { offset: 0, data: content };
      },
    ),
  };
}
