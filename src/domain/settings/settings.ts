import type { DiskSettings } from '#domain/disk/rules.ts';
import type { IngressSettings } from '#domain/ingress/model.ts';
import type { ExposureWord } from '#domain/policy/model.ts';
import type { ServingConfig } from '#domain/registry/serving.ts';

/** How registries elsewhere are spoken to. */
export interface RegistrySettings {
  insecure: string[];
  /** URLs by registry, asked in their order before it. */
  mirrors: Record<string, string[]>;
  /** Folders with a folder of certificates for each host. */
  certificates: string[];
  /** The daemon's own credentials, in the form of Docker's config.json. */
  authFile: string;
  /** Seconds after which a connection that gives no byte counts as broken. */
  stallTimeout: number;
  /** Layers of one image that are fetched, and sent, at a time. */
  downloads: number;
  uploads: number;
  /** Hours for which what came of an interrupted pull is kept for the next. */
  keepPartial: number;
  /** Signatures and bills of materials of images that are made here go along when those are pushed. */
  pushReferrers: boolean;
  /** What layers that are stored uncompressed are pushed as. */
  compression: 'gzip' | 'zstd';
  /** 0: the usual one of the compression. */
  compressionLevel: number;
  /** A layer of more unpacked bytes is refused, */
  maxLayerSize: number;
  /** and one that grows to more than so many times its size. */
  maxLayerRatio: number;
}

/** What can be set, in force. Each key is described in `definitions.ts`. */
export interface Settings {
  root: string;
  run: string;
  /** `unix:///PATH` or `tcp://ADDRESS:PORT`. */
  host: string;
  log: { level: 'trace' | 'debug' | 'info' | 'warn' | 'error' };
  logs: {
    /** Socket of the journal's native protocol, for the log driver journald. */
    journal: string;
  };
  /** The OCI runtime of containers that ask for none. */
  runtime: 'crun' | 'runc';
  /** Whose subordinate ids containers have: `default` or `USER[:GROUP]`; '': they have the host's ids. */
  usernsRemap: string;
  names: {
    /** The file, as hosts(5) has it, in which the daemon keeps the names of services for the host itself. */
    hostsFile: string;
  };
  /** What containers of apps get that set nothing themselves; 0: nothing. */
  defaults: {
    /** `none`, a share of the machine's memory such as `25%`, or a size. */
    memory: string;
    pids: number;
    cpuShares: number;
    /** Who reaches ports of which neither address nor `x-berth.exposure` say it. */
    exposure: ExposureWord;
  };
  /** NAME=VALUE, for constraints of `deploy.placement`. */
  node: { labels: string[] };
  advise: {
    /** Seconds between two looks at what services use. */
    period: number;
  };
  autoscale: {
    /** Seconds between two looks at the services that are autoscaled. */
    period: number;
  };
  mirrors: {
    debian: string;
    /** Absolute path of the keys that sign `debian`; '': Debian's own. */
    keyring: string;
    /** Seconds that a mirror may be silent. */
    timeout: number;
  };
  bases: {
    /** When outdated images are rebuilt: see `#domain/base/refresh-time.ts`. */
    refresh: string;
    /** Whether apps are given what was rebuilt then. */
    deploy: boolean;
    /** What contexts of clients may take that images are built from again: a share, as `disk/share.ts` reads it. */
    keepContexts: string;
    /** Bytes, packed: a larger context is not kept. */
    maxContext: number;
    /** Names of sealed secrets of the whole machine that builds done again may have. */
    secrets: string[];
  };
  registries: RegistrySettings;
  disk: DiskSettings;
  /** URLs of proxies for registries, as HTTP_PROXY, HTTPS_PROXY and NO_PROXY; '': what the daemon's environment says. */
  proxy: { http: string; https: string; no: string };
  api: {
    /** Where the daemon listens besides `host`. */
    hosts: string[];
    /** Lets TCP addresses that others reach be served without client certificates. */
    allowUnauthenticated: boolean;
    /** PEM files; '' where none is named. With `cert` and `key` every TCP address speaks TLS. */
    tls: { ca: string; cert: string; key: string; verify: boolean };
  };
  secrets: {
    /** Where the master key lies that seals secrets. */
    keyFile: string;
    /** A descriptor that the daemon is started with, from which it reads a passphrase instead; -1 for none. */
    passphraseFd: number;
  };
  ingress: IngressSettings;
  /** Of the built-in registry, as long as `berth registry start` says nothing else. */
  registry: ServingConfig;
  /** Which requests to the built-in registry the daemon's log tells of. */
  registryAccessLog: 'off' | 'changes' | 'all';
}

/** Where a value comes from: `default`, `FILE:LINE` or `environment BERTH_ROOT`. */
export interface EffectiveSetting {
  key: string;
  value: unknown;
  source: string;
}

/** Where the daemon listens, or is to be found. */
export type Endpoint = { kind: 'unix'; path: string } | { kind: 'tcp'; address: string; port: number };

/** Undefined when the text is no endpoint. */
export function parseEndpoint(host: string): Endpoint | undefined {
  const unix = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (unix !== undefined) return { kind: 'unix', path: unix };
  const [, address = '', port] = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/[\]]+):(\d{1,5})\/?$/.exec(host) ?? [];
  if (port === undefined || Number(port) > 65535) return undefined;
  return { kind: 'tcp', address: address.replace(/^\[|\]$/g, ''), port: Number(port) };
}
