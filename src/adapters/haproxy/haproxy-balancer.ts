import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ifThere } from '#adapters/files/if-there.ts';
import { KeyedMutex } from '#base/mutex.ts';
import type {
  Backend,
  BackendServer,
  HostCertificate,
  IngressTable,
  Listener,
} from '#domain/ingress/table.ts';
import type { BackendLoad, Balancer } from '#ports/balancer.ts';
import { AccessLog } from './access-log.ts';
import { backendLoads } from './backend-loads.ts';
import { configText, structureText, type ConfigInput } from './config-text.ts';
import type { FrontendSettings } from './frontend-text.ts';
import { loadFiles } from './load.ts';
import { filesOf, offeredHosts, pathsOf, readLoaded, type Files, type Loaded } from './loaded.ts';
import { certificatePath, pathsIn, type HaproxyPaths } from './paths.ts';
import { checkPorts } from './port-check.ts';
import { HaproxyProcess } from './process.ts';
import { RunningServers } from './servers.ts';
import { readUsers } from './users.ts';

export interface HaproxyOptions {
  /** For its files; gone after a reboot. */
  folder: string;
  /** File for access logs. */
  log: string;
  program?: string;
  settings: Omit<FrontendSettings, 'paths' | 'hasIp6'>;
  report: (problem: string, error: unknown) => void;
}

type Wanted = Pick<ConfigInput, 'table' | 'users'>;

const nothing: Wanted = { table: { listeners: [], backends: [] }, users: new Map() };
/** How often servers that are to leave are looked at. */
const tidyMs = 500;
const retryMs = { first: 100, most: 30_000 };

/**
 * HAProxy, driven without reloads where it can be: servers, routes and certificates change in the running process.
 * A listener or a backend of another shape takes a reload, in which the listening sockets go over.
 */
export class HaproxyBalancer implements Balancer {
  readonly #paths: HaproxyPaths;
  readonly #settings: FrontendSettings;
  readonly #report: HaproxyOptions['report'];
  readonly #process: HaproxyProcess;
  readonly #running: RunningServers;
  readonly #log: AccessLog | undefined;
  readonly #turns = new KeyedMutex();
  readonly #servers = new Map<string, readonly BackendServer[]>();
  readonly #certificates = new Map<string, string>();
  readonly #challenges = new Map<string, string>();
  #wanted = nothing;
  #loaded: Loaded | undefined;
  #isAdopted = false;
  #isClosed = false;
  #isTidying = false;

  constructor({ folder, log, settings, report, program = '/usr/sbin/haproxy' }: HaproxyOptions) {
    this.#paths = pathsIn(folder);
    this.#settings = { ...settings, paths: this.#paths, hasIp6: existsSync('/proc/net/if_inet6') };
    this.#report = report;
    if (settings.accessLog) this.#log = new AccessLog(log, report);
    this.#running = new RunningServers(this.#paths.api);
    this.#process = new HaproxyProcess({
      paths: this.#paths,
      program,
      log,
      onEnd: () => void this.#revive(),
    });
  }

  async check(listeners: readonly Listener[]): Promise<void> {
    const wanted = listeners.map(({ port }) => port);
    const mine = this.#process.listens ? (this.#loaded?.ports ?? wanted) : [];
    await checkPorts(
      wanted.filter((port) => !mine.includes(port)),
      this.#settings,
    );
  }

  apply(table: IngressTable): Promise<void> {
    return this.#alone(async () => {
      await this.#adopt();
      await this.check(table.listeners);
      const before = this.#wanted;
      this.#wanted = { table, users: await readUsers(table.backends, this.#report) };
      try {
        await this.#converge();
      } catch (error) {
        this.#wanted = before;
        throw error;
      }
      const names = new Set(table.backends.map(({ name }) => name));
      for (const name of this.#servers.keys()) if (!names.has(name)) this.#servers.delete(name);
      const hosts = offeredHosts(table);
      for (const host of this.#certificates.keys()) if (!hosts.has(host)) this.#certificates.delete(host);
    });
  }

  setServers(name: string, servers: readonly BackendServer[]): Promise<void> {
    return this.#alone(async () => {
      this.#servers.set(name, servers);
      const backend = this.#wanted.table.backends.find((one) => one.name === name);
      if (this.#process.runs && backend !== undefined) await this.#syncServers(backend);
    });
  }

  setCertificate({ host, pem }: HostCertificate): Promise<void> {
    return this.#alone(async () => {
      this.#certificates.set(host, pem);
      if (this.#process.runs) await this.#converge();
    });
  }

  async offered(host: string): Promise<string | undefined> {
    return ifThere(readFile(certificatePath(this.#paths, host), 'utf8'));
  }

  setChallenge(path: string, answer: string | undefined): Promise<void> {
    return this.#alone(async () => {
      if (answer === undefined) this.#challenges.delete(path);
      else this.#challenges.set(path, answer);
      if (this.#process.runs) await this.#converge();
    });
  }

  async load(): Promise<ReadonlyMap<string, BackendLoad>> {
    return this.#process.runs ? backendLoads(this.#paths.api) : new Map();
  }

  /** Of the process that serves now; undefined when none does. */
  async worker(): Promise<number | undefined> {
    return this.#process.runs ? this.#process.worker() : undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#process.close();
    this.#log?.close();
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#turns.run('haproxy', work);
    } finally {
      if (!this.#isTidying && !this.#running.isTidy) void this.#tidy();
    }
  }

  /** Looks again and again at servers that are to leave, until all are gone. */
  async #tidy(): Promise<void> {
    this.#isTidying = true;
    while (!this.#isClosed && this.#process.runs && !this.#running.isTidy) {
      await setTimeout(tidyMs, undefined, { ref: false });
      await this.#turns
        .run('haproxy', async () => {
          if (!this.#isClosed && this.#process.runs) await this.#running.tidy();
        })
        .catch((error: unknown) => this.#report('cannot remove servers of HAProxy', error));
    }
    this.#isTidying = false;
  }

  /** Once: what an earlier daemon left goes on, until what is wanted is known. */
  async #adopt(): Promise<void> {
    if (this.#isAdopted) return;
    this.#isAdopted = true;
    if (!(await this.#process.adopt())) return;
    this.#loaded = await readLoaded(this.#paths.loaded);
    await this.#running.observe();
  }

  async #converge(): Promise<void> {
    const { table } = this.#wanted;
    const { folder } = this.#paths;
    if (table.listeners.length === 0) {
      if (this.#process.listens) await this.#process.stop();
      // Keys and passwords are there no longer than they are needed.
      await rm(folder, { recursive: true, force: true });
      this.#loaded = undefined;
      return;
    }
    const files = filesOf(
      table,
      { certificates: this.#certificates, challenges: this.#challenges },
      structureText({ ...this.#wanted, settings: this.#settings }),
      this.#paths,
    );
    // The process that serves is another user's, and reads nothing here.
    for (const each of [folder, this.#paths.certificates, this.#paths.empty])
      if (!this.#process.runs) await mkdir(each, { recursive: true, mode: 0o700 });
    await this.#write(files);
    if (!this.#process.runs) await this.#begin(() => this.#process.start(), files);
    else if (this.#loaded?.structure !== files.loaded.structure)
      await this.#begin(() => this.#process.reload(), files);
    else await this.#change(this.#loaded, files);
  }

  /** A process that reads everything anew. */
  async #begin(action: () => Promise<void>, files: Files): Promise<void> {
    const servers = (name: string): readonly BackendServer[] => this.#servers.get(name) ?? [];
    const input = { ...this.#wanted, settings: this.#settings, servers };
    await this.#replace(this.#paths.config, configText(input));
    await this.#forget();
    await action();
    this.#running.began(this.#wanted.table.backends, servers);
    await this.#remember(files.loaded);
  }

  async #change(before: Loaded, files: Files): Promise<void> {
    try {
      if (!isDeepStrictEqual(before, files.loaded)) {
        await this.#forget();
        await loadFiles(this.#paths.api, before, files);
        await this.#remember(files.loaded);
      }
      for (const backend of this.#wanted.table.backends) await this.#running.sync(backend, this.#of(backend));
    } catch (error) {
      this.#loaded = undefined;
      // Whatever the process holds, after a reload it holds what the files say.
      this.#report('HAProxy is reloaded, since it could not be changed while it runs', error);
      await this.#begin(() => this.#process.reload(), files);
    }
  }

  async #syncServers(backend: Backend): Promise<void> {
    try {
      await this.#running.sync(backend, this.#of(backend));
    } catch (error) {
      this.#report(`HAProxy is reloaded, since the servers of ${backend.name} could not be changed`, error);
      this.#loaded = undefined;
      await this.#converge();
    }
  }

  #of({ name }: Backend): readonly BackendServer[] {
    return this.#servers.get(name) ?? [];
  }

  /** It ended by itself: it is there again at once, and if that fails, after ever longer pauses. */
  async #revive(): Promise<void> {
    for (let pause = retryMs.first; !this.#isClosed; pause = Math.min(pause * 2, retryMs.most))
      try {
        this.#report('HAProxy ended and is started again', new Error('it ended without being told to'));
        await this.#alone(() => (this.#process.runs ? Promise.resolve() : this.#converge()));
        return;
      } catch (error) {
        this.#report(`HAProxy cannot be started; the next attempt is in ${pause} ms`, error);
        await setTimeout(pause, undefined, { ref: false });
      }
  }

  async #write({ maps, certificates, lists }: Files): Promise<void> {
    for (const [path, text] of [...maps, ...certificates]) await this.#replace(path, text);
    for (const [path, lines] of lists) await this.#replace(path, `${lines.join('\n')}\n`);
  }

  /** Readable by root alone, and never half of it. */
  async #replace(path: string, text: string): Promise<void> {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  async #remember(loaded: Loaded): Promise<void> {
    const kept = new Set(pathsOf(loaded));
    const gone = this.#loaded === undefined ? [] : pathsOf(this.#loaded).filter((path) => !kept.has(path));
    for (const path of gone) await rm(path, { force: true });
    this.#loaded = loaded;
    await this.#replace(this.#paths.loaded, JSON.stringify(loaded));
  }

  /** A daemon that comes after a crash in the middle of a change has it all loaded anew. */
  async #forget(): Promise<void> {
    await rm(this.#paths.loaded, { force: true });
  }
}
