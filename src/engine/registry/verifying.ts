import { createHash } from 'node:crypto';
import { messageOf, notFound } from '#base/errors.ts';
import type { Digest } from '#domain/image/digest.ts';
import { parseManifest } from '#domain/image/documents.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { Origin } from '#engine/images/origins.ts';
import type { LinkRecord, ManifestRecord } from '#engine/registry/content.ts';
import type { MirroredContent } from '#engine/registry/mirrored-content.ts';
import type { Mirrors } from '#engine/registry/mirrors.ts';
import type { RegistryParts } from '#engine/registry/parts.ts';
import type { RegistryClient } from '#ports/registry-client.ts';

export type Finding =
  | { kind: 'progress'; blobs: number; bytes: number }
  | {
      kind: 'damaged' | 'missing';
      digest: Digest;
      /** That name it. */
      repositories: string[];
      /** Where the whole content came from again. */
      repairedFrom?: string;
      problem?: string;
    };

interface Source {
  /** HOST/REPOSITORY */
  name: string;
  fetch: (signal: AbortSignal) => Promise<void>;
}

export interface VerifyParts extends RegistryParts {
  client: RegistryClient;
  /** Where images of the engine that consist of a blob came from. */
  origins: (digest: Digest) => Origin[];
}

const progressEvery = 100;

/**
 * Hashes every blob of the store anew, one after the other. What is not what its digest says is set aside, so that it is
 * served to nobody, and fetched again from where it came from; so is what is not there at all.
 */
export class RegistryVerifier {
  readonly #parts: VerifyParts;
  readonly #mirrors: Mirrors;
  readonly #mirrored: MirroredContent;

  constructor(parts: VerifyParts, mirrors: Mirrors, mirrored: MirroredContent) {
    this.#parts = parts;
    this.#mirrors = mirrors;
    this.#mirrored = mirrored;
  }

  async *verify(signal: AbortSignal): AsyncGenerator<Finding> {
    let [blobs, bytes] = [0, 0];
    for await (const { digest, size } of this.#parts.blobs.list()) {
      signal.throwIfAborted();
      blobs += 1;
      bytes += size;
      if (blobs % progressEvery === 0) yield { kind: 'progress', blobs, bytes };
      const problem = await this.#problemOf(digest, signal);
      if (problem === undefined) continue;
      const finding = await this.mend(digest, problem, signal);
      if (finding !== undefined) yield finding;
    }
    for (const digest of await this.#missing())
      if (this.#parts.content.needs(digest))
        yield { kind: 'missing', ...(await this.#repair(digest, 'it is not in the store', signal)) };
    yield { kind: 'progress', blobs, bytes };
  }

  /** Sets a damaged blob aside, and fetches it again from where it came from. Undefined when somebody else has done so since. */
  async mend(digest: Digest, problem: string, signal: AbortSignal): Promise<Finding | undefined> {
    if ((await this.#problemOf(digest, signal)) === undefined) return undefined;
    await this.#parts.blobs.setAside(digest);
    return { kind: 'damaged', ...(await this.#repair(digest, problem, signal)) };
  }

  /** Undefined for a blob that is whole, or that was collected meanwhile. */
  async #problemOf(digest: Digest, signal: AbortSignal): Promise<string | undefined> {
    const { blobs } = this.#parts;
    const hash = createHash('sha256');
    try {
      const content: AsyncIterable<Uint8Array> = await blobs.open(digest);
      for await (const chunk of content) {
        signal.throwIfAborted();
        hash.update(chunk);
      }
    } catch (error) {
      signal.throwIfAborted();
      return (await blobs.stat(digest)) === undefined ? undefined : `it cannot be read: ${messageOf(error)}`;
    }
    const found = `sha256:${hash.digest('hex')}`;
    return found === digest ? undefined : `its content has the digest ${found}`;
  }

  async #missing(): Promise<Set<Digest>> {
    const missing = new Set<Digest>();
    const { content, blobs } = this.#parts;
    for (const { blob } of [...content.references()])
      // What was collected meanwhile nobody misses.
      if ((await blobs.stat(blob)) === undefined && content.needs(blob)) missing.add(blob);
    return missing;
  }

  async #repair(
    digest: Digest,
    problem: string,
    signal: AbortSignal,
  ): Promise<{ digest: Digest; repositories: string[]; repairedFrom?: string; problem?: string }> {
    const references = [...this.#parts.content.references()].filter(({ blob }) => blob === digest);
    const repositories = [...new Set(references.map(({ repository }) => repository))].sort();
    const tried: string[] = [problem];
    for (const { name, fetch } of this.#sources(digest, references)) {
      try {
        await fetch(signal);
        return { digest, repositories, repairedFrom: name, problem };
      } catch (error) {
        signal.throwIfAborted();
        tried.push(`not to be had from ${name}: ${messageOf(error)}`);
      }
    }
    return { digest, repositories, problem: tried.join('; ') };
  }

  /** The registries that mirrored repositories with this blob stand for, then those that images came from. */
  #sources(digest: Digest, references: readonly (ManifestRecord | LinkRecord)[]): Source[] {
    const mirrored = references.flatMap((record) => {
      const upstream = this.#mirrors.upstream(record.repository);
      if (upstream === undefined) return [];
      const fetch = (signal: AbortSignal): Promise<void> => this.#mirrored.refetch(record, signal);
      return [{ name: `${upstream.registry}/${upstream.repository}`, fetch }];
    });
    const origins = this.#parts.origins(digest).map((origin) => ({
      name: `${origin.reference.registry}/${origin.reference.repository}`,
      fetch: (signal: AbortSignal) => this.#fetch(digest, origin, signal),
    }));
    return [...mirrored, ...origins];
  }

  async #fetch(digest: Digest, origin: Origin, signal: AbortSignal): Promise<void> {
    const { client, blobs } = this.#parts;
    const { reference, part } = origin;
    if (part === 'manifest') {
      const { content } = await client.manifest({ ...reference, digest }, undefined, signal);
      await blobs.write([content], { digest });
      return;
    }
    const blob = await this.#described(digest, origin);
    const content = await client.blob(reference, blob, undefined, signal, 0, true);
    await blobs.write(content, { digest });
  }

  /** As the image's manifest has it. @throws not-found `blob-missing` while that is damaged itself */
  async #described(digest: Digest, { manifest }: Origin): Promise<Descriptor> {
    const content = await this.#parts.blobs.read(manifest);
    const { config, layers } = parseManifest(content.toString('utf8'), `the manifest ${manifest}`);
    const found = [config, ...layers].find((one) => one.digest === digest);
    if (found !== undefined) return found;
    throw notFound('blob-missing', `the manifest ${manifest} names no blob ${digest}`);
  }
}
