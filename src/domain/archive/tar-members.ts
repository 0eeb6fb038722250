import type { TarEntry } from '#domain/archive/tar-entry.ts';
import { TarParser } from '#domain/archive/tar-parser.ts';

export interface TarMember {
  entry: TarEntry;
  /** The content, to be read before the next member is asked for; what is not read is skipped. */
  body: AsyncIterable<Uint8Array>;
}

type Heard = { kind: 'entry'; entry: TarEntry } | { kind: 'data'; chunk: Uint8Array } | { kind: 'end' };

/**
 * The members of an archive one after another, for code that awaits. Holes of sparse files are left out.
 * @throws invalid `layer-corrupt`; what the source throws
 */
export async function* tarMembers(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember> {
  const iterator = source[Symbol.asyncIterator]();
  const heard: Heard[] = [];
  const parser = new TarParser({
    entry: (entry) => heard.push({ kind: 'entry', entry }),
    data: (chunk) => heard.push({ kind: 'data', chunk }),
    end: () => heard.push({ kind: 'end' }),
  });
  let ended = false;
  const next = async (): Promise<Heard | undefined> => {
    while (heard.length === 0 && !ended) {
      const chunk = await iterator.next();
      ended = chunk.done === true;
      if (chunk.done === true) parser.end();
      else parser.push(chunk.value);
    }
    return heard.shift();
  };
  try {
    for (let event = await next(); event !== undefined; event = await next())
      if (event.kind === 'entry') yield { entry: event.entry, body: contentOf(next) };
  } finally {
    await iterator.return?.();
  }
}

async function* contentOf(next: () => Promise<Heard | undefined>): AsyncGenerator<Uint8Array> {
  for (let event = await next(); event?.kind === 'data'; event = await next()) yield event.chunk;
}
