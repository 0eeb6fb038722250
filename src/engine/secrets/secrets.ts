import { conflict, invalid, notFound } from '#base/errors.ts';
import {
  checkSecretName,
  keyText,
  keyWords,
  latestOf,
  nextVersion,
  unneededVersions,
  withoutValues,
  withVersion,
  type SecretKey,
  type SecretRecord,
  type SecretReference,
  type SecretVersion,
} from '#domain/secret/secret.ts';
import type * as contracts from '#engine/contracts/secrets.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection } from '#ports/state-store.ts';
import { Keyring, type KeyringParts } from './keyring.ts';
import { keyedDigest, open, reseal, seal, type Sealed } from './sealing.ts';
import { damaged, Seals } from './seals.ts';

export interface SecretParts extends KeyringParts {
  clock: Pick<Clock, 'timestamp'>;
}

/** Bytes that a value may have. */
const largest = 1024 * 1024;

/** Values sealed in the state store: what is known of them in memory, a value only while it is asked for. */
export class Secrets implements contracts.Secrets {
  readonly #parts: SecretParts;
  readonly #keyring: Keyring;
  readonly seals: Seals;
  readonly #stored: Collection<SecretRecord>;
  readonly #values: Collection<Sealed>;
  readonly #records: Map<string, SecretRecord>;
  readonly #finders: (() => contracts.SecretUse[])[] = [];

  constructor(parts: SecretParts) {
    this.#parts = parts;
    this.#keyring = new Keyring(parts);
    this.seals = new Seals(this.#keyring);
    this.#stored = parts.store.collection<SecretRecord>('secrets');
    this.#values = parts.store.collection<Sealed>('secret-values');
    this.#records = new Map(this.#stored.entries());
  }

  async put(
    key: SecretKey,
    value: Uint8Array,
    { by, origin }: contracts.NewSecret,
  ): Promise<{ version: number; isNew: boolean }> {
    checkSecretName(key.name);
    checkSize(key, value);
    const text = keyText(key);
    return this.#keyring.use(({ master, digest: digestKey }) => {
      const record = this.#records.get(text) ?? { ...key, versions: [] };
      const latest = latestOf(record);
      refuseOtherOrigin(key, latest, origin);
      const digest = keyedDigest(digestKey, text, value);
      if (latest?.digest === digest) return { version: latest.version, isNew: false };
      const version = nextVersion(record);
      const created = this.#parts.clock.timestamp();
      this.#save(text, withVersion(record, { version, created, by, origin, digest }), () => {
        const about = aboutOf({ key: text, version });
        this.#values.put(about, seal(master, about, value));
      });
      return { version, isNew: true };
    });
  }

  async foresee(key: SecretKey, value: Uint8Array): Promise<number> {
    checkSize(key, value);
    const text = keyText(key);
    const record = this.#records.get(text);
    const latest = latestOf(record);
    if (latest === undefined) return nextVersion(record);
    return this.#keyring.use(({ digest }) =>
      latest.digest === keyedDigest(digest, text, value) ? latest.version : nextVersion(record),
    );
  }

  latest(key: SecretKey): number | undefined {
    return latestOf(this.#records.get(keyText(key)))?.version;
  }

  value(reference: SecretReference): Promise<Uint8Array> {
    const about = aboutOf(reference);
    return this.#keyring.use(({ master }) => {
      const sealed = this.#values.get(about);
      if (sealed === undefined)
        throw notFound('secret-version-gone', `there is no version ${about} of a secret any more`, {
          hint: 'run berth up again',
        });
      return open(master, about, sealed) ?? damaged(about);
    });
  }

  list(): contracts.SecretView[] {
    return [...this.#records.values()]
      .flatMap(({ noun, app, name, versions }) => {
        const last = versions.at(-1);
        if (last === undefined) return [];
        const { created, by, origin } = last;
        const version = last.gone === true ? 0 : last.version;
        return [{ noun, app, name, version, created, by, origin }];
      })
      .sort((a, b) => (`${a.app} ${a.name} ${a.noun}` < `${b.app} ${b.name} ${b.noun}` ? -1 : 1));
  }

  history(key: SecretKey): SecretVersion[] {
    return this.#get(key).versions;
  }

  remove(key: SecretKey): void {
    const record = this.#get(key);
    const text = keyText(key);
    const holders = this.#uses().filter(({ reference }) => reference.key === text);
    if (holders.length > 0)
      throw conflict(
        'secret-in-use',
        `cannot remove the ${keyWords(key)}: needed by ${[...new Set(holders.map(({ holder }) => holder))].join(', ')}`,
        {
          hint: 'take it out of the compose file and bring the app up; older revisions need it until they are gone',
        },
      );
    this.#parts.store.transaction(() => {
      for (const { version } of record.versions) this.#values.delete(aboutOf({ key: text, version }));
      this.#stored.delete(text);
    });
    this.#records.delete(text);
  }

  usedBy(find: () => contracts.SecretUse[]): void {
    this.#finders.push(find);
  }

  collect(): void {
    const needed = new Map<string, Set<number>>();
    for (const { reference } of this.#uses()) {
      const versions = needed.get(reference.key) ?? new Set();
      needed.set(reference.key, versions.add(reference.version));
    }
    for (const [text, record] of this.#records) {
      const versions = unneededVersions(record, needed.get(text) ?? new Set());
      if (versions.length === 0) continue;
      this.#save(text, withoutValues(record, versions), () => {
        for (const version of versions) this.#values.delete(aboutOf({ key: text, version }));
      });
    }
  }

  /** What protects the master key, and whether it can be used now. */
  get protection(): { by: Keyring['protection']; isLocked: boolean } {
    return { by: this.#keyring.protection, isLocked: this.#keyring.isLocked };
  }

  /** @throws as Keyring.unlock */
  unlock(passphrase: string): Promise<void> {
    return this.#keyring.unlock(passphrase);
  }

  /**
   * Another master key, by which all is sealed again. Gives how many values that were.
   * @param passphrase absent: a key in the key file
   * @throws conflict `secret-damaged`: then nothing is changed; as Keyring.use
   */
  async rotateKey(passphrase?: string): Promise<number> {
    let count = 0;
    await this.#keyring.rotate(passphrase, (former, next) => {
      const all = this.#values.entries();
      for (const [about, sealed] of all)
        this.#values.put(about, reseal(former, next, about, sealed) ?? damaged(about));
      count = all.length + this.seals.resealAll(former, next);
    });
    return count;
  }

  #uses(): contracts.SecretUse[] {
    return this.#finders.flatMap((find) => find());
  }

  #get(key: SecretKey): SecretRecord {
    const record = this.#records.get(keyText(key));
    if (record !== undefined) return record;
    throw notFound('secret-missing', `there is no ${keyWords(key)}`, {
      hint: 'berth secret ls shows those that are there',
    });
  }

  /** With its values or not at all; what is in memory follows what is kept. */
  #save(text: string, record: SecretRecord, changeValues: () => void): void {
    this.#parts.store.transaction(() => {
      changeValues();
      this.#stored.put(text, record);
    });
    this.#records.set(text, record);
  }
}

/** What a seal is about: no value can stand in for another name or version. */
function aboutOf({ key, version }: SecretReference): string {
  return `${key}@${version}`;
}

function checkSize(key: SecretKey, value: Uint8Array): void {
  if (value.length <= largest) return;
  throw invalid('secret-too-large', `the ${keyWords(key)} has ${value.length} bytes, allowed are ${largest}`);
}

/** A person's value would be lost at the next `up`, without a word. */
function refuseOtherOrigin(
  key: SecretKey,
  latest: SecretVersion | undefined,
  origin: contracts.NewSecret['origin'],
): void {
  if (origin !== 'set' || latest === undefined || latest.origin === 'set') return;
  throw conflict(
    'secret-of-compose-file',
    `the ${keyWords(key)} cannot be set: its value comes from the app's compose file (${latest.origin})`,
    { hint: 'write external: true there, or change what the compose file names and run berth up' },
  );
}
