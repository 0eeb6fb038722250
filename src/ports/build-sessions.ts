import type { Duplex, Readable } from 'node:stream';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { PackedFiles } from '#ports/packed-files.ts';
import type { Credentials } from '#ports/registry-client.ts';
import type { NamedFolder } from '#ports/root-files.ts';

/** What a client says of the session that it opens. */
export interface SessionOffer {
  id: string;
  /** The same for the next builds of the same files. */
  sharedKey: string;
  /** gRPC methods, `/moby.filesync.v1.FileSync/DiffCopy`. */
  methods: readonly string[];
}

export interface FileRequest {
  /** `context`, `dockerfile` or the name of another folder that the client offers. */
  name: string;
  /** Patterns of .dockerignore; only what one of them takes, where there are any. */
  include?: readonly string[];
  exclude?: readonly string[];
  /** Only these paths, and what they lead to by symbolic links. */
  follow?: readonly string[];
}

export interface Received {
  files: number;
  /** That came over the connection: what is said of all files, and the contents of some. */
  bytes: number;
}

/** A client of BuildKit's protocol that answers for its files, secrets and agents while its connection lasts. */
export interface BuildSession {
  readonly id: string;
  /** Aborts when the client is gone. */
  readonly closed: AbortSignal;
  /**
   * Files of the client. What did not change since it sent them last is not sent again.
   * @throws invalid `context-invalid` for a path that leads out of the folder; what the client failed with
   */
  receive(
    request: FileRequest,
    options: { signal: AbortSignal; onProgress?: (received: Received) => void },
  ): Promise<Received & { packed: PackedFiles }>;
  /** What the client offers under a URL `http://buildkit-session/...`. */
  upload(url: URL, signal: AbortSignal): Readable;
  secret(id: string, signal: AbortSignal): Promise<Buffer | undefined>;
  hasAgent(id: string, signal: AbortSignal): Promise<boolean>;
  /** A connection to an agent of the client, such as ssh-agent. */
  agent(id: string): Duplex;
  credentials(registry: string, signal: AbortSignal): Promise<Credentials | undefined>;
  /** Sends an archive for the exporter of this number in the client's request. */
  sendArchive(
    exporter: number,
    archive: Readable,
    attributes: Record<string, string>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Sends the files of folders, in the order of their names, for the exporter of this number. */
  sendFolders(exporter: number, folders: readonly NamedFolder[], signal: AbortSignal): Promise<void>;
  readonly blobs: SessionBlobs;
  close(): void;
}

/** Content stores of the client (containerd's content service), by their names. */
export interface SessionBlobs {
  /** Undefined when there is none. */
  read(store: string, digest: Digest, signal: AbortSignal): Promise<Readable | undefined>;
  write(store: string, descriptor: Descriptor, content: Readable, signal: AbortSignal): Promise<void>;
}

/** Files of a folder of a client, kept so that they need not be sent again. */
export interface KeptContext {
  id: string;
  /** Bytes of its files. */
  size: number;
  /** Milliseconds since 1970: when a build used it last. */
  touched: number;
  /** A build uses it now. */
  inUse: boolean;
}

export interface BuildSessions {
  /** The connection is the session's from now on. */
  open(connection: Duplex, offer: SessionOffer): BuildSession;
  kept(): KeptContext[];
  /** Keeps these no more, unless a build uses them now. */
  removeKept(accepts: (id: string) => boolean): Promise<void>;
}
