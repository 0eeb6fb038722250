import { access, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fail, pass, warn, type Examine } from '#cli/host/checks.ts';
import { command } from '#cli/host/command.ts';
import { textOf } from '#cli/host/kernel-settings.ts';

const GIB = 1024 ** 3;
const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** A program that is installed, with its version. */
export const program =
  (name: string, oldest: string): Examine =>
  async () => {
    const { code, stdout } = await command(name, ['--version']);
    if (code === 127) return fail(`${name} is not installed`, 'sudo berth setup');
    const version = /\sv?(\d[\w.]*)/.exec(stdout)?.[1] ?? 'of unknown version';
    if (isOlder(version, oldest))
      return warn(`${name} ${version}: ${oldest} and newer are tested`, `upgrade ${name}`);
    return pass(`${name} ${version}`);
  };

function isOlder(version: string, oldest: string): boolean {
  const [a, b] = [version, oldest].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

export const disk =
  (root: string): Examine =>
  async () => {
    const folder = await nearestFolder(root);
    const { bsize, bavail, blocks, ffree, files } = await statfs(folder);
    const [free, all] = [bavail * bsize, blocks * bsize];
    const found = `${gib(free)} of ${gib(all)} are free for ${root}`;
    if (files > 0 && ffree / files < 0.02)
      return fail(`${found}, but nearly no inodes are left`, 'delete small files, or move the setting root');
    if (free < GIB)
      return fail(`${found}: at least 1 GiB is required`, 'free some space, or set root to a larger disk');
    if (free < 5 * GIB)
      return warn(
        `${found}: images and logs soon fill that`,
        'free some space, or set root to a larger disk',
      );
    return pass(found);
  };

/** The folder itself or, before it is made, the first above it that is there. */
export async function nearestFolder(path: string): Promise<string> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  return isThere || path === '/' ? path : nearestFolder(dirname(path));
}

/** A clock far off makes certificates and package signatures invalid. */
export const clock: Examine = async () => {
  const now = new Date();
  if (now.getUTCFullYear() < 2025 || now.getUTCFullYear() > 2100)
    return fail(`the clock says ${now.toISOString()}`, 'set the clock: timedatectl set-ntp true');
  const { code, stdout } = await command('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  if (code === 0 && stdout.trim() === 'no')
    return warn(`the clock says ${now.toISOString()} and is not synchronized`, 'timedatectl set-ntp true');
  return pass(`the clock says ${now.toISOString()}`);
};

export const memory: Examine = async () => {
  const available = Number(/^MemAvailable:\s+(\d+)/m.exec(await textOf('/proc/meminfo'))?.[1] ?? 0) * 1024;
  const found = `${gib(available)} of ${gib(totalmem())} memory are available`;
  if (available < 0.25 * GIB)
    return warn(`${found}: the daemon needs about 120 MB`, 'stop something, or add memory');
  return pass(found);
};

/** Name service listens on each bridge's own address; a server on all addresses takes that port. */
export const dnsPort: Examine = async () => {
  const { code, stdout } = await command('ss', ['-Hlntu', 'sport', '=', ':53']);
  if (code !== 0) return warn('who listens on port 53 could not be seen: ss is missing', 'sudo berth setup');
  const wild = stdout.split('\n').filter((line) => /\s(0\.0\.0\.0|\*|\[::\]):53\s/.test(line));
  if (wild.length === 0) return pass('no program takes port 53 on all addresses');
  return warn(
    'another name server listens on port 53 of all addresses: containers cannot be found by name',
    'bind that server to its own addresses (dnsmasq: bind-interfaces; bind9: listen-on)',
  );
};
