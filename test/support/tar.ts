import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

/** A tar of small files: name to text. */
export async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name }, text);
  tar.finalize();
  return buffer(tar);
}
