import { invalid } from '#base/errors.ts';

/** Which value: a secret that a person set, or a secret or config that a compose file gives an app. */
export interface SecretKey {
  noun: 'secret' | 'config';
  /** '' for one of the whole machine. */
  app: string;
  name: string;
}

/** One version of a value: what containers, targets and revisions hold instead of the value. */
export interface SecretReference {
  /** As `keyText` gives it. */
  key: string;
  /** From 1. */
  version: number;
}

/** Where a value came from: `set` by a person, or read for an app from what its compose file names. */
export type SecretOrigin = 'set' | 'file' | 'environment' | 'content' | 'provider';

/** What is known of a version; never its value. */
export interface SecretVersion {
  version: number;
  /** RFC 3339. */
  created: string;
  /** A user of this machine, or `berth` itself. */
  by: string;
  origin: SecretOrigin;
  /** Of the value, keyed, so that it tells nothing of it. */
  digest: string;
  /** The value is there no more: nothing referred to it. */
  gone?: true;
}

/** What the state store holds of a value beside its sealed versions. */
export interface SecretRecord extends SecretKey {
  /** In order of their numbers. */
  versions: SecretVersion[];
}

/** So many versions are told of, also when their values are gone. */
const toldVersions = 100;

export function keyText({ noun, app, name }: SecretKey): string {
  return `${noun}/${app}/${name}`;
}

/** As people say it: `secret NAME`, `secret NAME of the app APP`. */
export function keyWords({ noun, app, name }: SecretKey): string {
  return app === '' ? `${noun} '${name}'` : `${noun} '${name}' of the app ${app}`;
}

/** @throws invalid `secret-name-invalid` */
export function checkSecretName(name: string): void {
  if (/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(name)) return;
  throw invalid(
    'secret-name-invalid',
    `'${name}' cannot name a secret: required are 1 to 128 letters, digits, dots, dashes and underscores, none of . and - first`,
  );
}

/** The newest version whose value is there. */
export function latestOf(record: SecretRecord | undefined): SecretVersion | undefined {
  const last = record?.versions.at(-1);
  return last?.gone === true ? undefined : last;
}

/** The number that the next version gets: none is given twice. */
export function nextVersion(record: SecretRecord | undefined): number {
  return (record?.versions.at(-1)?.version ?? 0) + 1;
}

export function withVersion(record: SecretRecord, version: SecretVersion): SecretRecord {
  const versions = [...record.versions, version];
  const old = versions.length - toldVersions;
  return { ...record, versions: versions.filter((one, index) => index >= old || one.gone !== true) };
}

/**
 * The versions whose values can go: nothing refers to them. The newest one stays, unless it came from an app's
 * compose file, which gives it again.
 * @param needed numbers of the versions that something refers to
 */
export function unneededVersions(record: SecretRecord, needed: ReadonlySet<number>): number[] {
  const latest = latestOf(record);
  const kept = latest?.origin === 'set' ? latest.version : undefined;
  return record.versions
    .filter(({ version, gone }) => gone !== true && version !== kept && !needed.has(version))
    .map(({ version }) => version);
}

export function withoutValues(record: SecretRecord, versions: readonly number[]): SecretRecord {
  return {
    ...record,
    versions: record.versions.map((one) => (versions.includes(one.version) ? { ...one, gone: true } : one)),
  };
}
