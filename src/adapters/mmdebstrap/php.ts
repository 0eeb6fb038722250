import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unavailable } from '#base/errors.ts';

const settings = 'usr/local/etc/php';

/**
 * What the maintainer scripts of PHP's packages do: each extension is switched on in the order that it asks for, and the
 * programs, which have the version in their names, are found without it.
 */
export async function phpSetup(root: string): Promise<void> {
  await mkdir(join(root, settings, 'conf.d'), { recursive: true });
  for (const { name, text } of await extensionsOf(root)) {
    const [, priority = '20'] = /^; ?priority=(\d+)$/m.exec(text) ?? [];
    await writeFile(join(root, settings, 'conf.d', `${priority}-${name}`), text);
  }
  const [version] = (await readdir(join(root, 'usr/lib/php'))).filter((name) => /^\d+\.\d+$/.test(name));
  if (version === undefined) throw unavailable('bootstrap-failed', 'make an image: it has no PHP');
  await symlink(`/usr/lib/php/${version}/php.ini-production`, join(root, settings, 'php.ini'));
  await symlink(`/usr/bin/php${version}`, join(root, 'usr/local/bin/php'));
  await symlink(`/usr/sbin/php-fpm${version}`, join(root, 'usr/local/bin/php-fpm'));
}

/** As /usr/share/php8.2-mbstring/mbstring/mbstring.ini has them. */
async function extensionsOf(root: string): Promise<{ name: string; text: string }[]> {
  const share = join(root, 'usr/share');
  const found: { name: string; text: string }[] = [];
  const packages = (await readdir(share)).filter((name) => /^php\d+\.\d+-/.test(name));
  for (const folder of packages.sort())
    for (const path of (await readdir(join(share, folder), { recursive: true })).sort())
      if (path.endsWith('.ini'))
        found.push({
          name: path.slice(path.lastIndexOf('/') + 1),
          text: await readFile(join(share, folder, path), 'utf8'),
        });
  return found;
}
