import { command, replaceMap } from './runtime-api.ts';
import type { Files, Loaded } from './loaded.ts';

/**
 * Brings maps and certificates of a running process from `before` to what the files say, without a reload.
 * @throws internal `balancer-refused`
 */
export async function loadFiles(socket: string, before: Loaded, files: Files): Promise<void> {
  for (const [path, text] of files.maps)
    if (before.maps[path] !== files.loaded.maps[path]) await replaceMap(socket, path, text);
  for (const [path, pem] of files.certificates) {
    const known = before.certificates[path];
    if (known === files.loaded.certificates[path]) continue;
    if (known === undefined) await command(socket, `new ssl cert ${path}`, /^New empty certificate store/);
    await storeCertificate(socket, path, pem);
  }
  for (const [path, lines] of files.lists) await changeList(socket, path, before.lists[path] ?? [], lines);
  for (const path of Object.keys(before.certificates))
    if (!files.certificates.has(path)) await command(socket, `del ssl cert ${path}`, /deleted/);
}

async function storeCertificate(socket: string, path: string, pem: string): Promise<void> {
  // An empty line would end the text.
  const text = pem.replaceAll(/\n{2,}/g, '\n').trim();
  await command(socket, `set ssl cert ${path} <<\n${text}\n`, /^Transaction (created|updated) for/);
  await command(socket, `commit ssl cert ${path}`, /^Committing |^Success!$/);
}

async function changeList(
  socket: string,
  path: string,
  before: readonly string[],
  lines: readonly string[],
): Promise<void> {
  for (const line of lines.filter((one) => !before.includes(one)))
    await command(socket, `add ssl crt-list ${path} <<\n${line}\n`, /^Inserting certificate |^Success!$/);
  for (const line of before.filter((one) => !lines.includes(one)))
    await command(socket, `del ssl crt-list ${path} ${line.split(' ')[0] ?? ''}`, /deleted/);
}
