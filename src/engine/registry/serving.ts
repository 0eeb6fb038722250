import { BerthError, conflict, messageOf } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { nextAttempt } from '#domain/ingress/certificates.ts';
import {
  acmeHosts,
  ownNames,
  parseAddress,
  resolveTls,
  type ServedTls,
  type ServingConfig,
} from '#domain/registry/serving.ts';
import { pause } from '#engine/pause.ts';
import {
  ServedCertificates,
  type CertificateSources,
  type Offer,
} from '#engine/registry/served-certificates.ts';
import type { Certificate } from '#ports/certificates.ts';
import type { Clock } from '#ports/clock.ts';
import type { OpenRegistry, RegistryOpener } from '#ports/registry-opener.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

export interface ServingParts extends CertificateSources {
  store: StateStore;
  clock: Clock;
  /** Of the settings; what `start` was told counts more. */
  settings: ServingConfig;
  hasUsers: () => boolean;
  report: (problem: string, error: unknown) => void;
}

export interface ServingStatus {
  running: boolean;
  /** ADDRESS:PORT */
  address: string;
  tls: ServedTls;
  names: string[];
  /** RFC 3339; with TLS while it runs. */
  certificateExpires?: string;
  /** Why it is not served although it should be, or goes on with the certificate that it has. */
  problem?: string;
  /** RFC 3339: when that is tried again. */
  nextTry?: string;
}

interface Running {
  open: OpenRegistry;
  config: ServingConfig;
  tls: ServedTls;
  certificate: Certificate | undefined;
  names: ReadonlySet<string>;
}

interface Trouble {
  problem: string;
  /** Milliseconds since 1970; undefined while it is being tried. */
  nextTry?: number;
}

/** What is not for an authority elsewhere to say is tried again so often, in milliseconds. */
const retryMs = 10_000;
/** Timers of Node hold 24 days at most. */
const longestMs = 86_400_000;

/**
 * Whether and where the registry is served. It is served again after a restart; what keeps it from that, or from a new
 * certificate in time, is tried again until it works.
 */
export class Serving {
  readonly #parts: ServingParts;
  readonly #certificates: ServedCertificates;
  readonly #stored: Collection<Partial<ServingConfig>>;
  readonly #locks = new KeyedMutex();
  #opener: RegistryOpener | undefined;
  #running: Running | undefined;
  #trouble: Trouble | undefined;
  /** Ends with the next stop, and what runs for it then. */
  #life = new AbortController();
  #rounds = Promise.resolve();

  constructor(parts: ServingParts) {
    this.#parts = parts;
    this.#certificates = new ServedCertificates(parts);
    this.#stored = parts.store.collection<Partial<ServingConfig>>('registry-serving');
  }

  get config(): ServingConfig {
    return { ...this.#parts.settings, ...this.#stored.get('config') };
  }

  /** Served with from now on, when it is switched on; at once, unless an authority elsewhere has to be asked first. */
  async serve(opener: RegistryOpener): Promise<void> {
    this.#opener = opener;
    const { config } = this;
    if (!config.enabled) return;
    const { signal } = this.#life;
    const due = await this.#serveAtHand(config, signal).catch((error: unknown) =>
      signal.aborted ? 0 : this.#failed(error, 1),
    );
    this.#tend(config, due, signal);
  }

  /**
   * Serves from now on, also after restarts; what is not said stays as it was.
   * @throws conflict `registry-running`, `registry-stopped`; as resolveTls; unavailable `address-failed`, `acme-failed`;
   *   invalid `certificate-invalid`
   */
  start(wanted: Partial<ServingConfig>): Promise<ServingStatus> {
    const { signal } = this.#life;
    return this.#locks.run('', async () => {
      if (this.#running !== undefined)
        throw conflict('registry-running', `the registry is served on ${this.status().address} already`, {
          hint: 'berth registry stop',
        });
      // A stop is for those, too, that wait for one that was begun before.
      signal.throwIfAborted();
      const next = { ...this.#stored.get('config'), ...wanted, enabled: true };
      const config = { ...this.#parts.settings, ...next };
      const tls = resolveTls(config, this.#parts.hasUsers());
      const known = await this.#certificates.atHand(config, tls, undefined);
      const isEnough = known !== undefined && known.missing.length === 0;
      // Whoever starts it waits for the certificate, and is told what keeps it from one.
      const offer = isEnough ? known : await this.#certificates.order(config, signal);
      await this.#offer(config, tls, offer);
      this.#stored.put('config', next);
      this.#interrupt();
      this.#tend(config, offer.due, this.#life.signal);
      return this.status();
    });
  }

  /** What it holds stays. Idempotent. */
  async stop(): Promise<void> {
    this.#interrupt();
    await this.#locks.run('', () => {
      this.#stored.put('config', { ...this.#stored.get('config'), enabled: false });
      return this.#close();
    });
    await this.#rounds;
  }

  /** The daemon ends; the next one serves again. */
  async close(): Promise<void> {
    this.#interrupt();
    await this.#locks.run('', () => this.#close());
    await this.#rounds;
  }

  status(): ServingStatus {
    const running = this.#running;
    const trouble = this.#trouble;
    const config = running?.config ?? this.config;
    const { address, port } = parseAddress(config.address);
    const shown = `${address.includes(':') ? `[${address}]` : address}:${running?.open.port ?? port}`;
    return {
      running: running !== undefined,
      address: shown,
      tls: running?.tls ?? safely(() => resolveTls(config, true)),
      names: [...(running?.names ?? ownNames(config, port))],
      ...(running?.certificate !== undefined && {
        certificateExpires: new Date(running.certificate.notAfter).toISOString(),
      }),
      ...(trouble !== undefined && { problem: trouble.problem }),
      ...(trouble?.nextTry !== undefined && { nextTry: new Date(trouble.nextTry).toISOString() }),
    };
  }

  /** Whether the engine means this registry by a name, HOST[:PORT], while it is served. */
  isNamed(registry: string): boolean {
    return this.#running?.names.has(registry) === true;
  }

  /** Whether others reach it, so that it must not be left without users. */
  get isPublic(): boolean {
    const config = this.#running?.config;
    if (config === undefined) return false;
    try {
      resolveTls(config, false);
      return false;
    } catch {
      return true;
    }
  }

  #interrupt(): void {
    this.#life.abort(conflict('registry-stopped', 'the registry was stopped before it was served'));
    this.#life = new AbortController();
    this.#trouble = undefined;
  }

  /** Looks after what is served until the next stop. @param first when, in milliseconds since 1970 */
  #tend(config: ServingConfig, first: number, signal: AbortSignal): void {
    const rounds = this.#goRounds(config, first, signal);
    this.#rounds = Promise.all([this.#rounds, rounds]).then(() => undefined);
  }

  async #goRounds(config: ServingConfig, first: number, signal: AbortSignal): Promise<void> {
    let next = first;
    for (let failures = 0; await this.#isTime(next, signal);) {
      try {
        next = await this.#round(config, signal);
        failures = 0;
        this.#trouble = undefined;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        next = this.#failed(error, failures);
      }
    }
  }

  /** True at a time, in milliseconds since 1970; false when the signal comes first. */
  async #isTime(time: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#parts;
    do {
      const left = Math.min(Math.max(time - clock.now(), 0), longestMs);
      if (!(await pause(clock, left, signal))) return false;
    } while (clock.now() < time);
    return !signal.aborted;
  }

  /** Serves with what is there, and then with what an authority elsewhere gives. Gives when the next round is due. */
  async #round(config: ServingConfig, signal: AbortSignal): Promise<number> {
    const due = await this.#serveAtHand(config, signal);
    if (due > this.#parts.clock.now()) return due;
    const offer = await this.#certificates.order(config, signal);
    await this.#serveWith(config, 'acme', offer, signal);
    return offer.due;
  }

  /** Gives when the next certificate is due: now, when an authority elsewhere has to be asked. @throws as `start` */
  async #serveAtHand(config: ServingConfig, signal: AbortSignal): Promise<number> {
    const tls = resolveTls(config, this.#parts.hasUsers());
    const offer = await this.#certificates.atHand(config, tls, this.#running?.certificate);
    if (offer !== undefined) await this.#serveWith(config, tls, offer, signal);
    const missing = offer?.missing ?? acmeHosts(config);
    if (missing.length > 0)
      this.#trouble ??= { problem: `it waits for a certificate by ACME for ${missing.join(', ')}` };
    return offer?.due ?? this.#parts.clock.now();
  }

  /** Opens it, or gives it another certificate. */
  #serveWith(config: ServingConfig, tls: ServedTls, offer: Offer, signal: AbortSignal): Promise<void> {
    return this.#locks.run('', async () => {
      signal.throwIfAborted();
      await this.#offer(config, tls, offer);
    });
  }

  async #offer(config: ServingConfig, tls: ServedTls, { certificate }: Offer): Promise<void> {
    const pair = certificate && { cert: certificate.pem, key: certificate.pem };
    const running = this.#running;
    if (running === undefined) {
      const address = parseAddress(config.address);
      const open = await this.#opener?.open({ ...address, ...(pair !== undefined && { tls: pair }) });
      if (open === undefined) return;
      this.#running = { open, config, tls, certificate, names: new Set(ownNames(config, open.port)) };
    } else if (pair !== undefined && certificate?.pem !== running.certificate?.pem) {
      running.open.renew(pair);
      running.certificate = certificate;
    }
  }

  /** Gives when to try again, in milliseconds since 1970. An authority elsewhere counts how often it is asked. */
  #failed(error: unknown, failures: number): number {
    const now = this.#parts.clock.now();
    const isElsewhere = error instanceof BerthError && error.code === 'acme-failed';
    const nextTry = isElsewhere ? nextAttempt(now, failures) : now + retryMs;
    const problem = messageOf(error);
    const isServed = this.#running !== undefined;
    if (problem !== this.#trouble?.problem)
      this.#parts.report(
        isServed ? "the registry's certificate is not renewed" : 'the built-in registry is not served',
        error,
      );
    this.#trouble = { problem, nextTry };
    return nextTry;
  }

  /** What a start began in the meantime ends too. */
  async #close(): Promise<void> {
    this.#interrupt();
    const running = this.#running;
    this.#running = undefined;
    await running?.open.close();
  }
}

/** A configuration that could not be served is shown as it would be with TLS. */
function safely(work: () => ServingStatus['tls']): ServingStatus['tls'] {
  try {
    return work();
  } catch {
    return 'local';
  }
}
