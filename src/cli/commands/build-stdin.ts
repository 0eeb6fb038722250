import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** How much has to be seen to tell an archive from a Dockerfile, in bytes: a tar says at 257 what it is. */
const enough = 512;

/** What comes on standard input: an archive with a context, or a Dockerfile alone. */
export type StdinContext = { archive: Readable } | { dockerfile: string };

export async function stdinContext(input: Readable): Promise<StdinContext> {
  const chunks: AsyncIterator<Buffer> = input[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let ended = false;
  while (head.length < enough && !ended) {
    const next = await chunks.next();
    ended = next.done === true;
    if (next.done !== true) head = Buffer.concat([head, next.value]);
  }
  const whole = Readable.from(continued(head, chunks), { objectMode: false });
  return isArchive(head) ? { archive: whole } : { dockerfile: await text(whole) };
}

async function* continued(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** How gzip, bzip2, xz and zstd begin. */
const magic = ['1f8b', '425a68', 'fd377a585a00', '28b52ffd'];

function isArchive(head: Buffer): boolean {
  const start = head.subarray(0, 6).toString('hex');
  return magic.some((each) => start.startsWith(each)) || head.subarray(257, 262).toString() === 'ustar';
}
