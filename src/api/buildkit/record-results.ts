import { createHash } from 'node:crypto';
import type { Predicate, SolveRecord } from '#engine/contracts.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import type { BuildResultInfo, Descriptor } from '#api/buildkit/messages.ts';

type Info = ValueOf<typeof BuildResultInfo>;

const inToto = 'application/vnd.in-toto+json';

/** What a record of the history says is attested of its results: by platform, where there are several. */
export function resultsOf({ attested }: SolveRecord): {
  result: Info | undefined;
  results: Record<string, Info>;
} {
  const [first, ...others] = attested.map(
    ({ platform, predicates }) => [platform, { attestations: predicates.map(described) }] as const,
  );
  if (first === undefined) return { result: undefined, results: {} };
  if (others.length === 0) return { result: first[1], results: {} };
  return { result: undefined, results: Object.fromEntries([first, ...others]) };
}

/** What is attested, by the digest that `resultsOf` has of it. */
export function predicateOf(records: readonly SolveRecord[], digest: string): Uint8Array | undefined {
  return records
    .flatMap(({ attested }) => attested.flatMap(({ predicates }) => predicates.map(contentOf)))
    .find((content) => digestOf(content) === digest);
}

function described(predicate: Predicate): ValueOf<typeof Descriptor> {
  const content = contentOf(predicate);
  return {
    ...{ mediaType: inToto, digest: digestOf(content), size: content.length },
    annotations: { 'in-toto.io/predicate-type': predicate.type },
  };
}

function contentOf({ content }: Predicate): Buffer {
  return Buffer.from(JSON.stringify(content));
}

function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
