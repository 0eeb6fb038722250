import { once } from 'node:events';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { mediaTypes } from '#domain/image/manifest.ts';
import { digestOf } from '../contract/snapshotter.ts';
import { configOf, lower, upper } from './image-archives.ts';
import { portOf } from './registry.ts';

/** A registry with one image whose second layer is sent only in part: then `stalled` resolves. */
export async function stallingRegistry(): Promise<
  AsyncDisposable & { host: string; stalled: Promise<void>; cut: Promise<void>; goOn: () => void }
> {
  const layers = [lower, upper].map((layer) => gzipSync(layer));
  const config = Buffer.from(JSON.stringify(configOf([lower, upper])));
  const describe = (mediaType: string, content: Buffer): object => ({
    mediaType,
    digest: digestOf(content),
    size: content.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: describe(mediaTypes.ociConfig, config),
      layers: layers.map((layer) => describe(mediaTypes.ociLayerGzip, layer)),
    }),
  );
  const blobs = new Map([config, ...layers].map((blob) => [digestOf(blob), blob]));
  const last = layers.at(-1);
  const { promise: stalled, resolve } = Promise.withResolvers<void>();
  const cut = Promise.withResolvers<void>();
  let stalls = true;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const blob = [...blobs].find(([digest]) => path.endsWith(digest))?.[1];
    if (path.includes('/manifests/'))
      response.setHeader('content-type', mediaTypes.ociManifest).end(manifest);
    else if (blob === undefined) response.end('{}');
    else if (blob === last && stalls) {
      response.once('close', () => cut.resolve());
      response.write(blob.subarray(0, 20), () => resolve());
    } else response.end(blob);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${portOf(server)}`,
    stalled,
    cut: cut.promise,
    goOn: () => (stalls = false),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
