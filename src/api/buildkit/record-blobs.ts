import { createHash } from 'node:crypto';
import type { BuildVertex, Solves, SolveRecord } from '#engine/contracts.ts';
import { codeOf, GrpcError } from '#base/grpc/status.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { solveFailure } from '#api/buildkit/failure.ts';
import { predicateOf } from '#api/buildkit/record-results.ts';
import { traceOf } from '#api/buildkit/record-trace.ts';
import { Status, StatusResponse, type Descriptor } from '#api/buildkit/messages.ts';
import { statusOf } from '#api/buildkit/status-messages.ts';

const vertexType = 'github.com/moby/buildkit/errdefs.Vertex+json';

const types = {
  logs: 'application/vnd.buildkit.status.v0',
  failure: 'application/vnd.googeapis.google.rpc.status+proto',
  trace: 'application/vnd.buildkit.otlp.json.v0',
} as const;

type Part = keyof typeof types;
type Described = ValueOf<typeof Descriptor>;

/**
 * What a record of the history has beside itself, as content by digest: all that the build told, how long it took, and how it failed. Made
 * when somebody asks; only digests are kept.
 */
export class RecordBlobs {
  readonly #solves: Solves;
  readonly #known = new Map<string, { ref: string; part: Part; described: Described }>();

  constructor(solves: Solves) {
    this.#solves = solves;
  }

  /** Of a build that has ended; undefined where it has none. */
  async describe(record: SolveRecord, part: Part): Promise<Described | undefined> {
    for (const { ref, part: other, described } of this.#known.values())
      if (ref === record.ref && other === part) return described;
    const content = await this.#content(record, part);
    if (content === undefined) return undefined;
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    const described = { mediaType: types[part], digest, size: content.length, annotations: {} };
    this.#known.set(digest, { ref: record.ref, part, described });
    this.#forget();
    return described;
  }

  /** Undefined for a digest that was not told. */
  async read(digest: string): Promise<Uint8Array | undefined> {
    const known = this.#known.get(digest);
    const records = this.#solves.records();
    const record = records.find(({ ref }) => ref === known?.ref);
    if (known === undefined || record === undefined) return predicateOf(records, digest);
    return this.#content(record, known.part);
  }

  async #content(record: SolveRecord, part: Part): Promise<Buffer | undefined> {
    if (record.completed === undefined) return undefined;
    const { signal } = new AbortController();
    const messages: Buffer[] = [];
    const vertices = new Map<string, BuildVertex>();
    let failed: string | undefined;
    for await (const event of this.#solves.follow(record.ref, signal)) {
      if (event.kind === 'vertex') vertices.set(event.vertex.digest, event.vertex);
      if (event.kind === 'vertex' && event.vertex.error !== undefined) failed = event.vertex.digest;
      if (part === 'logs') messages.push(framed(StatusResponse.encode(statusOf(event))));
    }
    if (part === 'logs') return Buffer.concat(messages);
    if (part === 'trace') return traceOf(record, [...vertices.values()]);
    return record.failure === undefined ? undefined : Buffer.from(statusBytes(record.failure, failed));
  }

  #forget(): void {
    const refs = new Set(this.#solves.records().map(({ ref }) => ref));
    for (const [digest, { ref }] of this.#known) if (!refs.has(ref)) this.#known.delete(digest);
  }
}

/** With its length in front, as BuildKit keeps logs (solver/llbsolver/history.go). */
function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(message.length);
  return Buffer.concat([head, message]);
}

/** @param vertex whose failure it was: clients show what it wrote */
function statusBytes(failure: Error, vertex: string | undefined): Uint8Array {
  const error = solveFailure(failure);
  const said =
    error instanceof GrpcError && error.status !== undefined ? Status.decode(error.status) : undefined;
  const status = said ?? Status.of({ code: codeOf(error), message: error.message });
  if (vertex === undefined) return Status.encode(status);
  const detail = { type: vertexType, value: Buffer.from(JSON.stringify({ digest: vertex })) };
  return Status.encode({ ...status, details: [...status.details, detail] });
}
