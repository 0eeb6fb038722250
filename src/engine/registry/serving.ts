import { conflict } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import {
  acmeHost,
  certificateHosts,
  ownNames,
  parseAddress,
  resolveTls,
  type ServedTls,
  type ServingConfig,
} from '#domain/registry/serving.ts';
import type { CertificateFiles, Certificate } from '#ports/certificates.ts';
import type { Clock } from '#ports/clock.ts';
import type { OpenRegistry, RegistryOpener } from '#ports/registry-opener.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

export interface ServingParts {
  store: StateStore;
  clock: Clock;
  /** Of the settings; what `start` was told counts more. */
  settings: ServingConfig;
  files: CertificateFiles;
  /** A certificate of this machine's authority for hosts and addresses. */
  issueLocal: (hosts: readonly string[]) => Promise<Certificate>;
  /** One by ACME for a host; the kept one until it is due. */
  issueAcme: (host: string) => Promise<Certificate>;
  hasUsers: () => boolean;
}

export interface ServingStatus {
  running: boolean;
  /** ADDRESS:PORT */
  address: string;
  tls: ServedTls;
  names: string[];
  /** RFC 3339; with TLS while it runs. */
  certificateExpires?: string;
}

interface Running {
  open: OpenRegistry;
  config: ServingConfig;
  tls: ServedTls;
  certificate: Certificate | undefined;
  names: ReadonlySet<string>;
}

/** Certificates of this machine's authority are renewed that long before they end, in milliseconds. */
const renewMs = 30 * 86_400_000;

/** Whether and where the registry is served. It is served again after a restart. */
export class Serving {
  readonly #parts: ServingParts;
  readonly #stored: Collection<Partial<ServingConfig>>;
  readonly #locks = new KeyedMutex();
  #opener: RegistryOpener | undefined;
  #running: Running | undefined;

  constructor(parts: ServingParts) {
    this.#parts = parts;
    this.#stored = parts.store.collection<Partial<ServingConfig>>('registry-serving');
  }

  get config(): ServingConfig {
    return { ...this.#parts.settings, ...this.#stored.get('config') };
  }

  /** Served with, when it is switched on. @throws as `start` */
  async serve(opener: RegistryOpener): Promise<void> {
    this.#opener = opener;
    if (this.config.enabled) await this.#locks.run('', () => this.#open(this.config));
  }

  /**
   * Serves from now on, also after restarts; what is not said stays as it was.
   * @throws conflict `registry-running`; as resolveTls; unavailable `address-failed`; invalid `certificate-invalid`
   */
  start(wanted: Partial<ServingConfig>): Promise<ServingStatus> {
    return this.#locks.run('', async () => {
      if (this.#running !== undefined)
        throw conflict('registry-running', `the registry is served on ${this.status().address} already`, {
          hint: 'berth registry stop',
        });
      const next = { ...this.#stored.get('config'), ...wanted, enabled: true };
      await this.#open({ ...this.#parts.settings, ...next });
      this.#stored.put('config', next);
      return this.status();
    });
  }

  /** What it holds stays. Idempotent. */
  stop(): Promise<void> {
    return this.#locks.run('', async () => {
      this.#stored.put('config', { ...this.#stored.get('config'), enabled: false });
      await this.#close();
    });
  }

  /** The daemon ends; the next one serves again. */
  close(): Promise<void> {
    return this.#locks.run('', () => this.#close());
  }

  status(): ServingStatus {
    const running = this.#running;
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

  /** Puts a new certificate in place of one that ends soon, or whose file has changed. */
  async renew(): Promise<void> {
    const running = this.#running;
    if (running?.certificate === undefined) return;
    const isLocal = running.tls === 'local';
    if (isLocal && running.certificate.notAfter - this.#parts.clock.now() > renewMs) return;
    const next = await this.#certificate(running.config, running.tls);
    if (next === undefined || next.pem === running.certificate.pem) return;
    running.certificate = next;
    running.open.renew({ cert: next.pem, key: next.pem });
  }

  async #open(config: ServingConfig): Promise<void> {
    const tls = resolveTls(config, this.#parts.hasUsers());
    const certificate = await this.#certificate(config, tls);
    const opened = await this.#opener?.open({
      ...parseAddress(config.address),
      ...(certificate !== undefined && { tls: { cert: certificate.pem, key: certificate.pem } }),
    });
    if (opened === undefined) return;
    const names = new Set(ownNames(config, opened.port));
    this.#running = { open: opened, config, tls, certificate, names };
  }

  async #certificate(config: ServingConfig, tls: Running['tls']): Promise<Certificate | undefined> {
    if (tls === 'off') return undefined;
    if (tls === 'acme') return this.#parts.issueAcme(acmeHost(config) ?? '');
    if (tls === 'files') return this.#parts.files.read({ cert: config.cert, key: config.key });
    return this.#parts.issueLocal(certificateHosts(config));
  }

  async #close(): Promise<void> {
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
