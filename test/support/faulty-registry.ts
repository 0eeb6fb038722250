import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { mediaTypes } from '#domain/image/manifest.ts';
import { digestOf } from '../contract/snapshotter.ts';
import { portOf } from './registry.ts';

export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
}

/** True: the fault has answered, or never will. */
export type Fault = (request: SeenRequest, response: ServerResponse) => boolean;

export interface FaultyRegistry extends AsyncDisposable {
  host: string;
  seen: SeenRequest[];
  blobs: Map<string, Buffer>;
  /** By tag and by digest. */
  manifests: Map<string, { mediaType: string; content: Buffer }>;
  /** What goes wrong from now on. */
  fault: Fault;
  /** Sets what came of an upload before its connection broke. */
  keep(path: string, content: Buffer): void;
  /** Puts an image there under a tag. Gives the digests of its layers. */
  add(tag: string, config: object, layers: Buffer[], mediaType?: string): string[];
}

export const noFault: Fault = () => false;

/** A registry in memory, of one repository whatever its name, whose answers a test can spoil. */
export async function faultyRegistry(): Promise<FaultyRegistry> {
  const state = new State();
  const server = createServer((request, response) => {
    state.answer(request, response).catch((error: unknown) => response.destroy(asError(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(state, {
    host: `127.0.0.1:${portOf(server)}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

class State {
  readonly seen: SeenRequest[] = [];
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, { mediaType: string; content: Buffer }>();
  readonly #uploads = new Map<string, Buffer>();
  fault: Fault = noFault;

  add(tag: string, config: object, layers: Buffer[], mediaType: string = mediaTypes.ociLayerGzip): string[] {
    const described = (type: string, content: Buffer): object => {
      this.blobs.set(digestOf(content), content);
      return { mediaType: type, digest: digestOf(content), size: content.length };
    };
    const content = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: described(mediaTypes.ociConfig, Buffer.from(JSON.stringify(config))),
        layers: layers.map((layer) => described(mediaType, layer)),
      }),
    );
    for (const key of [tag, digestOf(content)])
      this.manifests.set(key, { mediaType: mediaTypes.ociManifest, content });
    return layers.map(digestOf);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const path = decodeURIComponent(url);
    this.seen.push({ method, path, headers });
    if (this.fault({ method, path, headers }, response)) return;
    const body = await buffer(request);
    const [, kind, key = ''] = /\/(manifests|blobs\/uploads|blobs)\/([^?]*)/.exec(path) ?? [];
    if (kind === 'manifests') this.#manifest(method, key, headers, body, response);
    else if (kind === 'blobs') this.#blob(key, headers.range, response);
    else if (kind === 'blobs/uploads')
      this.#upload(method, key, new URL(path, 'http://x'), headers, body, response);
    else response.end('{}');
  }

  #manifest(
    method: string,
    key: string,
    headers: IncomingMessage['headers'],
    content: Buffer,
    response: ServerResponse,
  ): void {
    if (method === 'PUT') {
      const mediaType = headers['content-type'] ?? '';
      for (const name of [key, digestOf(content)]) this.manifests.set(name, { mediaType, content });
      response.writeHead(201).end();
      return;
    }
    const found = this.manifests.get(key);
    if (found === undefined) response.writeHead(404).end('{}');
    else
      response
        .setHeader('docker-content-digest', digestOf(found.content))
        .setHeader('content-type', found.mediaType)
        .end(found.content);
  }

  #blob(digest: string, range: string | undefined, response: ServerResponse): void {
    const blob = this.blobs.get(digest);
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (blob === undefined) response.writeHead(404).end('{}');
    else if (start === 0) response.setHeader('content-length', blob.length).end(blob);
    else
      response
        .writeHead(206, { 'content-range': `bytes ${start}-${blob.length - 1}/${blob.length}` })
        .end(blob.subarray(start));
  }

  #upload(
    method: string,
    id: string,
    { searchParams, pathname }: URL,
    headers: IncomingMessage['headers'],
    body: Buffer,
    response: ServerResponse,
  ): void {
    if (method === 'POST') {
      const mount = searchParams.get('mount');
      if (mount !== null && this.blobs.has(mount)) {
        response.writeHead(201).end();
        return;
      }
      const fresh = randomUUID();
      this.#uploads.set(fresh, Buffer.alloc(0));
      response.writeHead(202, { location: `${pathname}${fresh}` }).end();
      return;
    }
    const before = this.#uploads.get(id);
    if (before === undefined) {
      response.writeHead(404).end('{}');
      return;
    }
    const start = Number(/^(\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? before.length);
    const content = Buffer.concat([before, body]);
    if (start !== before.length) response.writeHead(416).end('{}');
    else if (method === 'PUT') this.#finish(id, searchParams.get('digest') ?? '', content, response);
    else {
      this.#uploads.set(id, content);
      const range = `0-${Math.max(0, content.length - 1)}`;
      response.writeHead(method === 'GET' ? 204 : 202, { location: pathname, range }).end();
    }
  }

  /** What came of an upload before its connection broke. */
  keep(path: string, content: Buffer): void {
    const id = /uploads\/([^?]*)/.exec(path)?.[1] ?? '';
    this.#uploads.set(id, content);
  }

  #finish(id: string, digest: string, content: Buffer, response: ServerResponse): void {
    if (digestOf(content) !== digest) {
      response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID","message":"wrong digest"}]}');
      return;
    }
    this.#uploads.delete(id);
    this.blobs.set(digest, content);
    response.writeHead(201).end();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
