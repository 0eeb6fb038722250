import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Agent, request, type IncomingMessage } from 'node:http';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { TestDaemon } from './daemon.ts';

// The registry that is built into a daemon, over HTTP and by its command.

export interface Sent {
  body?: string;
  headers?: Record<string, string>;
}

export interface Answered {
  status: number;
  headers: Headers;
  body: Buffer;
  /** Codes of the specification's errors. */
  codes: string[];
}

export interface BuiltIn {
  /** 127.0.0.1:PORT */
  host: string;
  /** `path` after /v2/, or a whole one. */
  call(method: string, path: string, sent?: Sent): Promise<Answered>;
}

/** Serves it on a free port. */
export async function serveRegistry(daemon: TestDaemon, port = 0): Promise<BuiltIn> {
  const { status, text } = await daemon.api('POST', '/berth/v1/registry/start', {
    address: `127.0.0.1:${port}`,
  });
  assert.equal(status, 200, text);
  return reach(await addressOf(daemon));
}

export async function addressOf(daemon: TestDaemon): Promise<string> {
  const { text } = await daemon.api('GET', '/berth/v1/registry');
  const parse: (text: string) => { address: string } = JSON.parse;
  return parse(text).address;
}

export function reach(host: string): BuiltIn {
  const agent = new Agent({ keepAlive: false });
  return {
    host,
    call: async (method, path, { body, headers = {} } = {}) => {
      const [hostname, port] = host.split(':');
      // Unlike fetch it sends the path as it is.
      const outgoing = request({
        ...{ hostname, port, method, path: path.startsWith('/') ? path : `/v2/${path}`, agent },
        headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
      });
      outgoing.end(body);
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        outgoing.once('response', resolve).once('error', reject);
      });
      const content = await buffer(answer);
      return {
        ...{ status: answer.statusCode ?? 0, body: content, codes: codesOf(content) },
        headers: new Headers(
          Object.entries(answer.headersDistinct).map(([name, values = []]) => [name, values.join()]),
        ),
      };
    },
  };
}

const parseErrors: (text: string) => { errors?: { code: string }[] } = JSON.parse;

function codesOf(body: Buffer): string[] {
  try {
    return (parseErrors(body.toString('utf8')).errors ?? []).map(({ code }) => code);
  } catch {
    return [];
  }
}

export function digestOf(content: string | Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;
}

/** Pushes a blob at once; gives its digest. */
export async function pushBlob(
  registry: BuiltIn,
  repository: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const digest = digestOf(body);
  const { status, body: text } = await registry.call(
    'POST',
    `${repository}/blobs/uploads/?digest=${digest}`,
    {
      ...{ body, headers },
    },
  );
  assert.equal(status, 201, text.toString());
  return digest;
}

export const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
export const ociIndex = 'application/vnd.oci.image.index.v1+json';

export function manifestOf(config: string, layers: string[], more: object = {}): string {
  const describe = (content: string, mediaType: string): object => ({
    mediaType,
    digest: digestOf(content),
    size: content.length,
  });
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: ociManifest,
    config: describe(config, 'application/vnd.oci.empty.v1+json'),
    layers: layers.map((layer) => describe(layer, 'application/octet-stream')),
    ...more,
  });
}

/** Pushes an artifact with a layer; gives the digest of its manifest. */
export async function pushArtifact(
  registry: BuiltIn,
  repository: string,
  tag: string,
  layer: string,
  headers: Record<string, string> = {},
): Promise<string> {
  await pushBlob(registry, repository, '{}', headers);
  await pushBlob(registry, repository, layer, headers);
  const body = manifestOf('{}', [layer]);
  const { status, body: text } = await registry.call('PUT', `${repository}/manifests/${tag}`, {
    body,
    headers: { 'content-type': ociManifest, ...headers },
  });
  assert.equal(status, 201, text.toString());
  return digestOf(body);
}

/** The digests in a daemon's blob store, sorted. */
export async function storedBlobs(daemon: TestDaemon): Promise<string[]> {
  return (await readdir(join(daemon.root, 'blobs', 'sha256'))).sort();
}

export function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}
