import { canonical } from './canonical.ts';
import type { Settings } from './settings.ts';

/** One thing that differs between two targets. */
export interface Difference {
  /** By the name that the compose file has for it: `image`, `environment` ... */
  setting: string;
  /** Which one of several, such as a variable's name. */
  key?: string;
  kind: 'added' | 'removed' | 'changed';
  /** Only of settings that can hold no secret. */
  before?: string;
  after?: string;
  /** Of a config whose former and next content are known: its lines, those that go with `-`, those that come with `+`. */
  lines?: string[];
  /** It takes another container. */
  renews: boolean;
}

interface Entry {
  key: string;
  value: unknown;
  shown?: string;
}

/** Settings of which there are several: what they are told apart by, and what may be shown of each. */
const several: Record<string, ((value: unknown) => Entry[]) | undefined> = {
  environment: keyed,
  labels: keyed,
  volumes: (value) =>
    records(value).map((one) => ({ key: text(one['target']), value: one, shown: mountWords(one) })),
  ports: portEntries,
  networks: (value) => records(value).map((one) => ({ key: text(one['network']), value: one })),
  configs: grantEntries,
  secrets: grantEntries,
};

/** Settings whose values are no secrets, and how they are shown. */
const harmless: Record<string, ((value: unknown) => string) | undefined> = {
  image: words,
  platform: words,
  network_mode: words,
  user: words,
  working_dir: words,
  'pids limit': words,
  'memory limit': (value) => (typeof value === 'number' ? `${value / 1024 ** 2} MiB` : words(value)),
  cpus: (value) => (typeof value === 'number' ? String(value / 1e9) : words(value)),
};

/** What the compose file calls what the engine's API has another name for. */
const composeNames: Record<string, string | undefined> = {
  CapAdd: 'cap_add',
  CapDrop: 'cap_drop',
  Devices: 'devices',
  Dns: 'dns',
  ExposedPorts: 'expose',
  ExtraHosts: 'extra_hosts',
  Hostname: 'hostname',
  Init: 'init',
  IpcMode: 'ipc',
  MemoryReservation: 'memory reservation',
  PidMode: 'pid',
  Privileged: 'privileged',
  ReadonlyRootfs: 'read_only',
  SecurityOpt: 'security_opt',
  ShmSize: 'shm_size',
  StopSignal: 'stop_signal',
  StopTimeout: 'stop_grace_period',
  Sysctls: 'sysctls',
  Tmpfs: 'tmpfs',
  Ulimits: 'ulimits',
};

/** Those of the containers: each takes another container. */
export function settingDifferences(before: Settings, after: Settings): Difference[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => {
    if (canonical(before[key]) === canonical(after[key])) return [];
    const entries = several[key];
    if (entries === undefined) return [oneDifference(key, before[key], after[key])];
    return entryDifferences(key, entries(before[key]), entries(after[key]), true);
  });
}

function oneDifference(setting: string, before: unknown, after: unknown): Difference {
  const show = harmless[setting];
  const shown = show === undefined ? {} : { before: show(before), after: show(after) };
  return { setting: composeNames[setting] ?? setting, kind: 'changed', ...shown, renews: true };
}

export function entryDifferences(
  setting: string,
  before: readonly Entry[],
  after: readonly Entry[],
  renews: boolean,
): Difference[] {
  const [old, now] = [byKey(before), byKey(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort();
  const found = keys.flatMap((key): Difference[] => {
    const [former, wanted] = [old.get(key), now.get(key)];
    if (canonical(former?.value) === canonical(wanted?.value)) return [];
    const shown = {
      ...(former?.shown === undefined ? {} : { before: former.shown }),
      ...(wanted?.shown === undefined ? {} : { after: wanted.shown }),
    };
    return [{ setting, key, kind: kindOf(former, wanted), ...shown, renews }];
  });
  // The same ones in another order.
  return found.length === 0 ? [{ setting, kind: 'changed', renews }] : found;
}

function kindOf(before: Entry | undefined, after: Entry | undefined): Difference['kind'] {
  if (before === undefined) return 'added';
  return after === undefined ? 'removed' : 'changed';
}

function byKey(entries: readonly Entry[]): Map<string, Entry> {
  return new Map(entries.map((one) => [one.key, one]));
}

function keyed(value: unknown): Entry[] {
  return Object.entries(record(value)).map(([key, one]) => ({ key, value: one }));
}

export function portEntries(value: unknown): Entry[] {
  return records(value).map((one) => ({ key: portWords(one), value: one }));
}

/** `127.0.0.1:8080->80/tcp` */
function portWords(port: Record<string, unknown>): string {
  const address = port['hostIp'] === '' ? '' : `${text(port['hostIp'])}:`;
  const published = port['published'] === '' ? 'any' : text(port['published']);
  return `${address}${published}->${text(port['target'])}/${text(port['protocol'])}`;
}

/** Versions tell what values may not. */
function grantEntries(value: unknown): Entry[] {
  return records(value).map((one) => {
    const { version } = record(one['stored']);
    const entry = { key: text(one['source']), value: one };
    return version === undefined ? entry : { ...entry, shown: `version ${text(version)}` };
  });
}

function mountWords(mount: Record<string, unknown>): string {
  const source = text(mount['source']);
  const mode = mount['readOnly'] === true ? ' read-only' : '';
  return `${text(mount['type'])}${source === '' ? '' : ` ${source}`}${mode}`;
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(record) : [];
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function words(value: unknown): string {
  return value === undefined || value === null || value === '' ? 'none' : text(value);
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : canonical(value);
}
