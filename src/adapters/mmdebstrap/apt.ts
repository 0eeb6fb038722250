import { statfsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskFull } from '#base/disk-full.ts';
import { notFound, unavailable, type BerthError } from '#base/errors.ts';
import { textIfThere } from '#adapters/files/if-there.ts';
import { nearestName, standInStatus } from '#domain/base/package-set.ts';
import type { Offer } from '#domain/package/outdated.ts';
import type { BootstrapRequest, ListsRequest } from '#ports/bootstrapper.ts';
import { aptConfig, hostAcquireSettings } from './apt-config.ts';
import { run, type Ended } from './children.ts';
import { whileProgressing } from './progress-watch.ts';
import { sourcesText, type Mirror } from './host-sources.ts';
import { areSame } from './same-lists.ts';

export interface AptOptions {
  /** Folder for this suite and architecture. */
  home: string;
  suite: string;
  architecture: string;
  mirror: Mirror;
  /** How old package lists may be before the mirror is asked again. */
  refreshMs: number;
}

export interface PlannedPackage {
  name: string;
  version: string;
}

const day = 24 * 3_600_000;

/** Milliseconds beyond the mirror's time that apt may be silent: it unpacks and reads lists then, on a machine that may be busy. */
const patience = 180_000;

/** Milliseconds that it may be silent on a disk that is full: it waits for ever then. */
const patienceWhenFull = 10_000;

/** Bytes of downloaded packages that are kept for the next image. */
const archivesLimit = 1024 ** 3;

/** apt with all its state in a folder of its own. Calls must not overlap. */
export class Apt {
  readonly #options: AptOptions;

  constructor(options: AptOptions) {
    this.#options = options;
  }

  path(name: string): string {
    return join(this.#options.home, name);
  }

  /**
   * Brings the package lists up to date. With lists at hand an unreachable mirror is no error, unless they must be fresh.
   * @throws not-found `suite-unknown`; unavailable `mirror-unreachable`, `mirror-untrusted`
   */
  async refresh(request: ListsRequest): Promise<void> {
    const { suite, architecture, mirror, home } = this.#options;
    const { fresh = false } = request;
    const sources = await sourcesText(suite, mirror);
    if (!fresh && (await this.#isFresh(sources, this.#options.refreshMs))) return;
    if (await this.#isUnchanged(sources, request.signal)) return;
    for (const name of ['lists/partial', 'archives/partial', 'sources', 'parts'])
      await mkdir(this.path(name), { recursive: true });
    const acquire = await hostAcquireSettings(request.signal);
    await writeFile(
      this.path('apt.conf'),
      aptConfig({ home, architecture, timeout: mirror.timeout }, acquire),
    );
    await writeFile(this.path('sources/berth.sources'), sources);
    await writeFile(this.path('status'), '');
    request.onProgress(`Reading the package lists of ${suite}`);
    const ended = await this.#fetch(['--error-on=any', 'update'], request);
    if (ended.exitCode === 0) await writeFile(this.path('refreshed'), sources);
    else if (missingSuite(ended.tail)) throw await this.#suiteUnknown(sources, ended);
    else if (isUntrusted(ended.tail)) throw untrusted(suite, ended.tail);
    else if (fresh || (await textIfThere(this.path('refreshed'))) !== sources)
      throw unreachable(suite, ended.tail);
    else request.onProgress('The mirror does not answer: going on with the package lists from before');
  }

  /** The closure of the request with versions, sorted. @throws not-found `package-unknown`; unavailable `bootstrap-failed` */
  async plan(request: BootstrapRequest): Promise<PlannedPackage[]> {
    await this.#standIn(request);
    const ended = await this.#apt(['apt-get', '--simulate', 'install', ...request.contents.wanted], request);
    if (ended.exitCode !== 0) throw await this.#planError(ended.tail, request);
    return [...ended.stdout.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) /gm)]
      .map(([, name = '', version = '']) => ({ name: name.replace(/:.*$/, ''), version }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Fetches what is not in the archives yet, verified against the signed lists. @throws unavailable `mirror-unreachable` */
  async download(packages: PlannedPackage[], request: BootstrapRequest): Promise<void> {
    await this.#standIn(request);
    const wanted = packages.map(({ name, version }) => `${name}=${version}`);
    const ended = await this.#fetch(
      ['-y', '--download-only', 'install', ...wanted],
      request,
      (line) => line.startsWith('Get:') && request.onProgress(fetched(line)),
    );
    if (ended.exitCode !== 0) throw unreachable(this.#options.suite, ended.tail);
  }

  /** All versions of these packages, with the suites that have them. */
  async offers(names: readonly string[], request: ListsRequest): Promise<Offer[]> {
    if (names.length === 0) return [];
    const { stdout } = await this.#apt(['apt-cache', 'madison', ...names], request);
    return stdout.split('\n').flatMap((line) => {
      const [, name, version, suite] = /^\s*(\S+) \|\s*(\S+) \| \S+ (\S+)\/\S+ \S+ Packages/.exec(line) ?? [];
      return name === undefined || version === undefined || suite === undefined
        ? []
        : [{ name, version, suite }];
    });
  }

  /** The packages' entries in the index. */
  async show(packages: PlannedPackage[], request: ListsRequest): Promise<string> {
    const names = packages.map(({ name, version }) => `${name}=${version}`);
    const { stdout } = await this.#apt(['apt-cache', '--no-all-versions', 'show', ...names], request);
    return stdout;
  }

  /** The downloaded files of these packages. @throws unavailable `bootstrap-failed` when one is not there */
  async archives(packages: PlannedPackage[]): Promise<string[]> {
    const files = await readdir(this.path('archives'));
    return packages.map(({ name, version }) => {
      // apt escapes the colon of an epoch in file names.
      const start = `${name}_${version.replaceAll(':', '%3a')}_`;
      const file = files.find((candidate) => candidate.startsWith(start));
      if (file === undefined)
        throw unavailable('bootstrap-failed', `make an image: ${name} ${version} was not downloaded`);
      return this.path(join('archives', file));
    });
  }

  /** Drops the archives that were used longest ago, down to the limit. */
  async trim(): Promise<void> {
    const files = (await readdir(this.path('archives'))).filter((name) => name.endsWith('.deb'));
    const known = await Promise.all(
      files.map(async (name) => {
        const { size, atimeMs } = await stat(this.path(join('archives', name)));
        return { name, size, atimeMs };
      }),
    );
    let total = known.reduce((sum, { size }) => sum + size, 0);
    for (const { name, size } of known.sort((a, b) => a.atimeMs - b.atimeMs)) {
      if (total <= archivesLimit) return;
      await rm(this.path(join('archives', name)), { force: true });
      total -= size;
    }
  }

  #standIn({ contents }: BootstrapRequest): Promise<void> {
    return writeFile(this.path('status'), standInStatus(contents.standIns, this.#options.architecture));
  }

  /** Once a day apt looks itself: it also knows for how long an index is valid. A proxy of apt's own is not asked around. */
  async #isUnchanged(sources: string, signal: AbortSignal): Promise<boolean> {
    if (!(await this.#isFresh(sources, day))) return false;
    if (/^Acquire::https?::Proxy/im.test(await textIfThere(this.path('apt.conf')))) return false;
    return areSame(sources, this.path('lists'), Math.min(5, this.#options.mirror.timeout) * 1000, signal);
  }

  async #isFresh(sources: string, mostMs: number): Promise<boolean> {
    if ((await textIfThere(this.path('refreshed'))) !== sources) return false;
    const { mtimeMs } = await stat(this.path('refreshed'));
    const age = Date.now() - mtimeMs;
    return age >= 0 && age < mostMs;
  }

  /** @throws unavailable `mirror-unreachable`, `disk-full` when apt does not go on */
  #fetch(
    words: string[],
    { signal }: Pick<ListsRequest, 'signal'>,
    onLine: (line: string) => void = () => undefined,
  ): Promise<Ended> {
    const { suite, mirror } = this.#options;
    const waits = mirror.timeout * 1000 + patience;
    const watched = {
      folders: ['lists', 'lists/partial', 'archives', 'archives/partial'].map((name) => this.path(name)),
      patience: () => (this.#isDiskFull() ? patienceWhenFull : waits),
      signal,
      failure: () =>
        this.#isDiskFull()
          ? diskFull(`fetching packages of suite '${suite}'`, undefined)
          : unreachable(suite, `apt-get made no progress for ${waits / 1000} seconds`),
    };
    return whileProgressing(watched, (until, alive) =>
      this.#apt(['apt-get', ...words], { signal: until }, (line) => {
        alive();
        onLine(line);
      }),
    );
  }

  /** There is room for no list and no package, not even for root, as whom apt runs. */
  #isDiskFull(): boolean {
    const { bfree, bsize } = statfsSync(this.#options.home);
    return bfree * bsize < 64 * 1024;
  }

  #apt(
    command: string[],
    { signal }: Pick<ListsRequest, 'signal'>,
    onLine: (line: string) => void = () => undefined,
  ): Promise<Ended> {
    return run({ command, env: { APT_CONFIG: this.path('apt.conf') }, signal, onLine });
  }

  async #suiteUnknown(sources: string, ended: Ended): Promise<BerthError> {
    // Nothing of an unknown suite is kept, so that mistyped names do not fill the disk.
    await rm(this.#options.home, { recursive: true, force: true });
    const uris = [...new Set([...sources.matchAll(/^URIs: (.*)$/gm)].map(([, uri = '']) => uri))];
    return notFound(
      'suite-unknown',
      `make an image of suite '${this.#options.suite}': ${uris.join(', ')} has no such suite`,
      { hint: 'Name a suite that the mirror serves, such as bookworm.', cause: new Error(ended.tail) },
    );
  }

  async #planError(words: string, request: BootstrapRequest): Promise<BerthError> {
    const name = /Unable to locate package (\S+)|Package '([^']+)' has no installation candidate/.exec(words);
    const unknown = name?.[1] ?? name?.[2];
    if (unknown === undefined)
      return unavailable(
        'bootstrap-failed',
        `plan the packages of suite '${request.suite}': ${errorsOf(words)}`,
      );
    const { stdout } = await this.#apt(['apt-cache', 'pkgnames'], request);
    const near = nearestName(unknown, stdout.split('\n'));
    return notFound(
      'package-unknown',
      `make an image of suite '${request.suite}': there is no package '${unknown}'` +
        (near === undefined ? '' : `; did you mean '${near}'?`),
      { hint: `Package names of ${request.suite} are found by 'apt-cache search WORD' on a Debian host.` },
    );
  }
}

function missingSuite(words: string): boolean {
  return /does not have a Release file|404\s+Not Found/.test(words);
}

function unreachable(suite: string, words: string): BerthError {
  return unavailable('mirror-unreachable', `fetch packages of suite '${suite}': ${errorsOf(words)}`, {
    hint: 'Check the network, or name a mirror in the setting mirrors.debian.',
  });
}

/** apt's words for a signature that is missing, wrong or of another key. */
function isUntrusted(words: string): boolean {
  return /is not signed|not valid|signatures? (?:were|was|couldn't)|NO_PUBKEY|BADSIG|NODATA|Clearsigned file/i.test(
    words,
  );
}

function untrusted(suite: string, words: string): BerthError {
  return unavailable('mirror-untrusted', `fetch packages of suite '${suite}': ${errorsOf(words)}`, {
    hint: 'The lists of packages must be signed by a key of the keyring: name the keyring of a mirror of your own in the setting mirrors.keyring.',
  });
}

/** apt's own error lines, without those that only repeat others, or all that it said. */
function errorsOf(words: string): string {
  const errors = words
    .split('\n')
    .filter((line) => /^E: (?!Some index files|Unable to fetch some)/.test(line));
  return (errors.length > 0 ? errors.map((line) => line.slice(3)) : [words]).join('; ');
}

/** `Get:3 http://... bookworm/main amd64 dash amd64 0.5.12-2 [97.9 kB]` said shorter. */
function fetched(line: string): string {
  const match = /^Get:\d+ \S+ \S+ \S+ (\S+) \S+ (\S+) (\[[^\]]+\])/.exec(line);
  return match === null ? line : `Fetched ${match.slice(1).join(' ')}`;
}
