import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Instance } from '#domain/instance.ts';
import { run } from './docker.ts';

interface Link {
  ifname: string;
  linkinfo?: { info_kind?: string };
}

/**
 * What containers of an instance left on this machine, one line each; empty when all is clean.
 * `links` is how many links running containers have.
 */
export async function leaksOf(instance: Instance, root: string, links = 0): Promise<string[]> {
  const veths = await lastingVeths(instance, links);
  return [
    ...mountsBelow(root).map((point) => `mount ${point}`),
    ...namesIn(join(instance.run, 'netns')).map((name) => `network namespace ${name}`),
    ...cgroupsOf(instance).flatMap((path) => subgroups(path).map((name) => `cgroup ${path}/${name}`)),
    ...veths.map(({ ifname }) => `link ${ifname}`),
    ...processesOf(root).map((line) => `process ${line}`),
  ];
}

/** Removes what a stopped daemon keeps for its next start: bridges, packet rules, its parent cgroups. */
export async function removeInstance(instance: Instance): Promise<void> {
  for (const { ifname } of await linksOf(instance)) await run('ip', ['link', 'delete', ifname]);
  const tables = await run('nft', ['list', 'tables']);
  for (const line of tables.stdout.split('\n').filter((text) => text.endsWith(` ${instance.table}`)))
    await run('nft', ['delete', ...line.split(' ')]);
  for (const path of cgroupsOf(instance)) rmdirSync(path);
}

/**
 * The veth links that stay. The kernel removes those of a dropped network namespace in its own time, and tells
 * nobody in that namespace's absence, so they are looked at until they are gone, for two minutes at most: so long
 * a connection of a killed process may go on saying goodbye to a peer that does not answer (tcp_orphan_retries).
 */
export async function lastingVeths(instance: Instance, links = 0): Promise<Link[]> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const veths = (await linksOf(instance)).filter((link) => link.linkinfo?.info_kind !== 'bridge');
    if (veths.length <= links || Date.now() > deadline) return veths;
    await setTimeout(20);
  }
}

/**
 * Resolves when no process names `root` any more, or after ten seconds. Who ran an exec in a container ends only after
 * that process, and on a busy machine later than the container.
 */
export async function untilEnded(root: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (processesOf(root).length > 0 && Date.now() < deadline) await setTimeout(20);
}

async function linksOf(instance: Instance): Promise<Link[]> {
  const parse: (text: string) => Link[] = JSON.parse;
  const { stdout } = await run('ip', ['-json', '-details', 'link', 'show']);
  return parse(stdout).filter(({ ifname }) => ifname.startsWith(instance.linkPrefix));
}

function mountsBelow(root: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${root}/`));
}

function cgroupsOf(instance: Instance): string[] {
  const tops = ['/sys/fs/cgroup', ...namesIn('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)];
  return tops.map((top) => `${top}${instance.cgroupParent}`).filter((path) => existsSync(path));
}

function subgroups(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function processesOf(root: string): string[] {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      const line = commandLine(pid);
      return line.includes(`${root}/`) ? [`${pid}: ${line}`] : [];
    });
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
