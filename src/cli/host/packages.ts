import { access, readFile } from 'node:fs/promises';
import { command } from '#cli/host/command.ts';

/** Debian packages that the daemon works with, and what each is for. */
export const needed: Readonly<Record<string, string>> = {
  crun: 'starts containers',
  conmon: "holds a container's output and exit code while the daemon is away",
  nftables: 'publishes ports and isolates networks',
  libnftables1: 'the same, as a library',
  haproxy: 'takes requests from outside to the replicas of services',
  iproute2: 'shows networks while looking for faults',
  mmdebstrap: 'makes base images from signed Debian packages',
  procps: 'docker top',
  git: 'fetches the repositories that builds begin with',
  'openssh-client': 'the same over SSH, and holds the keys that builds are given',
  'ca-certificates': 'checks the certificates of registries and mirrors',
};

/** What the tests need besides. The client is `docker-cli` where Debian has split it off, else in docker.io. */
export const neededByTests: Readonly<Record<string, string>> = {
  'busybox-static': 'the contents of test images',
  'docker-registry': 'a registry on loopback',
  curl: 'another HTTP client',
  runc: 'the other OCI runtime',
  openssl: 'certificates for TLS',
  'util-linux': 'script, for terminals',
  xxd: 'shows bytes',
  skopeo: 'another client of registries',
  wrk: 'a constant load',
};

/** Packages that dpkg does not have installed, in one call. */
export async function missing(packages: string[]): Promise<string[]> {
  const installed = new Set<string>();
  const status = await readFile('/var/lib/dpkg/status', 'utf8').catch(() => '');
  for (const entry of status.split('\n\n')) {
    const name = /^Package: (.+)$/m.exec(entry)?.[1];
    if (name !== undefined && /^Status: \S+ ok installed$/m.test(entry)) installed.add(name);
  }
  return packages.filter((name) => !installed.has(name));
}

/** The package that brings the `docker` client, or undefined when there is a client. */
export async function dockerClientPackage(): Promise<string | undefined> {
  if ((await command('docker', ['--version'])).code === 0) return undefined;
  const known = await command('apt-cache', ['show', '--no-all-versions', 'docker-cli']);
  return known.code === 0 && known.stdout !== '' ? 'docker-cli' : 'docker.io';
}

/** Debian and its descendants. */
export async function hasApt(): Promise<boolean> {
  return access('/usr/bin/apt-get').then(
    () => true,
    () => false,
  );
}
