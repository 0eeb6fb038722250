import type { Duplex, Readable } from 'node:stream';
import type {
  BuildSession,
  BuildSessions,
  FileRequest,
  KeptContext,
  Received,
  SessionBlobs,
  SessionOffer,
} from '#ports/build-sessions.ts';
import type { PackedFiles } from '#ports/packed-files.ts';
import type { Credentials } from '#ports/registry-client.ts';
import type { NamedFolder } from '#ports/root-files.ts';
import { isKind, unsupported } from '#base/errors.ts';
import { GrpcClient, type Exchange, type Metadata } from '#base/grpc/client.ts';
import { duplexOf, readableOf, sendBytes } from './byte-stream.ts';
import { ContentBlobs } from './content.ts';
import { KeptPacks } from './kept-packs.ts';
import {
  CheckAgentRequest,
  CredentialsRequest,
  CredentialsResponse,
  Nothing,
  SecretRequest,
  SecretResponse,
} from './messages.ts';
import { receiveFiles } from './receive-files.ts';
import { sendFiles } from './send-files.ts';

const methods = {
  receive: '/moby.filesync.v1.FileSync/DiffCopy',
  send: '/moby.filesync.v1.FileSend/DiffCopy',
  credentials: '/moby.filesync.v1.Auth/Credentials',
  secret: '/moby.buildkit.secrets.v1.Secrets/GetSecret',
  checkAgent: '/moby.sshforward.v1.SSH/CheckAgent',
  agent: '/moby.sshforward.v1.SSH/ForwardAgent',
  upload: '/moby.upload.v1.Upload/Pull',
} as const;

/** Sessions over connections on which the client serves gRPC. */
export class GrpcBuildSessions implements BuildSessions {
  readonly #kept: KeptPacks;

  /** `folder`: absolute, for the files that clients need not send again; on the file system of the builds' folders. */
  constructor(folder: string) {
    this.#kept = new KeptPacks(folder);
  }

  open(connection: Duplex, offer: SessionOffer): BuildSession {
    // Any stream will do, also one within another connection: this side's HTTP/2 is our own (#base/http2).
    return new GrpcBuildSession(new GrpcClient(connection), offer, this.#kept);
  }

  kept(): KeptContext[] {
    return this.#kept.list();
  }

  removeKept(accepts: (id: string) => boolean): Promise<void> {
    return this.#kept.remove(accepts);
  }
}

class GrpcBuildSession implements BuildSession {
  readonly id: string;
  readonly blobs: SessionBlobs;
  readonly #client: GrpcClient;
  readonly #offer: SessionOffer;
  readonly #kept: KeptPacks;

  constructor(client: GrpcClient, offer: SessionOffer, kept: KeptPacks) {
    this.id = offer.id;
    this.blobs = new ContentBlobs(client);
    this.#client = client;
    this.#offer = offer;
    this.#kept = kept;
  }

  get closed(): AbortSignal {
    return this.#client.closed;
  }

  close(): void {
    this.#client.close();
  }

  async receive(
    request: FileRequest,
    { signal, onProgress = () => undefined }: Parameters<BuildSession['receive']>[1],
  ): Promise<Received & { packed: PackedFiles }> {
    const { sharedKey } = this.#offer;
    // One key for all that is asked for of a folder: what changes is which of its files a build needs.
    const kept = await this.#kept.use(sharedKey === '' ? '' : JSON.stringify([sharedKey, request.name]));
    try {
      const exchange = this.#call(methods.receive, headersOf(request), signal);
      try {
        const { files, bytes, entries } = await receiveFiles(exchange, kept, onProgress);
        const release = (): Promise<void> => kept.release();
        return { files, bytes, packed: { pack: kept.pack.path, entries, release } };
      } finally {
        exchange.cancel();
      }
    } catch (error) {
      await kept.release();
      throw error;
    }
  }

  upload(url: URL, signal: AbortSignal): Readable {
    return readableOf(this.#call(methods.upload, { urlpath: url.pathname, urlhost: url.host }, signal));
  }

  async secret(id: string, signal: AbortSignal): Promise<Buffer | undefined> {
    if (!this.#offers(methods.secret)) return undefined;
    try {
      const { data } = await this.#client.unary(
        methods.secret,
        [SecretRequest, SecretResponse],
        { id },
        signal,
      );
      return Buffer.from(data);
    } catch (error) {
      if (isKind(error, 'not-found')) return undefined;
      throw error;
    }
  }

  async hasAgent(id: string, signal: AbortSignal): Promise<boolean> {
    if (!this.#offers(methods.checkAgent)) return false;
    try {
      await this.#client.unary(methods.checkAgent, [CheckAgentRequest, Nothing], { id }, signal);
      return true;
    } catch {
      // The client says no in words only.
      signal.throwIfAborted();
      this.closed.throwIfAborted();
      return false;
    }
  }

  agent(id: string): Duplex {
    return duplexOf(this.#call(methods.agent, { 'buildkit.ssh.id': id }, this.closed));
  }

  async credentials(registry: string, signal: AbortSignal): Promise<Credentials | undefined> {
    if (!this.#offers(methods.credentials)) return undefined;
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
    const { username, secret } = await this.#client.unary(
      methods.credentials,
      [CredentialsRequest, CredentialsResponse],
      { host },
      signal,
    );
    if (secret === '') return undefined;
    // Without a name the secret is a token that the registry gave at the login.
    return username === '' ? { identityToken: secret } : { username, password: secret };
  }

  async sendArchive(
    exporter: number,
    archive: Readable,
    attributes: Record<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const headers = exporterHeaders(exporter);
    for (const [name, value] of Object.entries(attributes)) headers[`exporter-md-${name}`] = value;
    await sendBytes(this.#call(methods.send, headers, signal), archive);
  }

  async sendFolders(exporter: number, folders: readonly NamedFolder[], signal: AbortSignal): Promise<void> {
    // All platforms come at once: what else is in the client's folder may go (`mode=delete`).
    const headers = { ...exporterHeaders(exporter), 'buildkit-exporter-multi-platform': '1' };
    const exchange = this.#call(methods.send, headers, signal);
    try {
      await sendFiles(exchange, folders);
    } finally {
      exchange.cancel();
    }
  }

  #offers(method: string): boolean {
    return this.#offer.methods.some((each) => each.toLowerCase() === method.toLowerCase());
  }

  #call(method: string, headers: Metadata, signal: AbortSignal): Exchange {
    if (!this.#offers(method))
      throw unsupported('session-method-missing', `method ${method} not supported by the client`);
    return this.#client.call(method, headers, signal);
  }
}

function exporterHeaders(exporter: number): Record<string, string> {
  return { 'buildkit-attachable-exporter-id': String(exporter) };
}

/** Of FileSync's calls; names that are not ASCII are escaped, and a header says so. */
function headersOf({ name, include = [], exclude = [], follow = [] }: FileRequest): Metadata {
  const headers: Record<string, string | string[]> = {};
  const lists = {
    'dir-name': [name],
    'include-patterns': include,
    'exclude-patterns': exclude,
    followpaths: follow,
  };
  for (const [key, values] of Object.entries(lists)) {
    if (values.length === 0) continue;
    const plain = values.every((value) => /^[\x20-\x7e]*$/.test(value));
    headers[key] = plain ? [...values] : values.map((value) => encodeURIComponent(value));
    if (!plain) headers[`${key}-encoded`] = '1';
  }
  return headers;
}
