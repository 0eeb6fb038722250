import { conflict, invalid, unavailable } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import type { KeyStore } from '#ports/key-store.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import { keyOfPassphrase, newStretching, type Stretching } from './passphrase.ts';
import { keyId, newKey, open, reseal, seal, type Sealed } from './sealing.ts';

export interface KeyringParts {
  store: StateStore;
  keys: KeyStore;
  /** What a setting gives at the daemon's start; it protects the key from the first secret on. */
  passphrase: () => Promise<string | undefined>;
}

/** What the state store knows of the master key: which one it is, not the key. */
interface KeyringRecord {
  keyId: string;
  /** Absent: the key lies in the key file. */
  stretching?: Stretching;
  /** What digests of values are keyed with. */
  digestKey: Sealed;
}

/** The keys while they are open. */
export interface Keys {
  master: Uint8Array;
  digest: Uint8Array;
}

const aboutDigests = 'digests';
const only = 'keyring';

/** The master key: made at first need, found again, replaced. */
export class Keyring {
  readonly #parts: KeyringParts;
  readonly #stored: Collection<KeyringRecord>;
  readonly #turns = new KeyedMutex();
  #open: Keys | undefined;

  constructor(parts: KeyringParts) {
    this.#parts = parts;
    this.#stored = parts.store.collection<KeyringRecord>('secret-keyring');
  }

  /** `none`: no secret was ever kept. */
  get protection(): 'none' | 'key-file' | 'passphrase' {
    const record = this.#stored.get(only);
    if (record === undefined) return 'none';
    return record.stretching === undefined ? 'key-file' : 'passphrase';
  }

  get isLocked(): boolean {
    return this.protection === 'passphrase' && this.#open === undefined;
  }

  /**
   * Works with the keys, which are those in force when `work` begins: it must not wait for anything.
   * @throws unavailable `secrets-locked`; conflict `secrets-key-missing`, `secrets-key-wrong`
   */
  async use<T>(work: (keys: Keys) => T): Promise<T> {
    if (this.#open === undefined) await this.#turns.run(only, () => this.#load());
    if (this.#open === undefined) throw locked();
    return work(this.#open);
  }

  /** @throws invalid `secrets-passphrase-wrong`; conflict `secrets-not-locked` where no passphrase is asked for */
  unlock(passphrase: string): Promise<void> {
    // One after the other: each guess takes 128 MiB.
    return this.#turns.run(only, () => this.#unlock(passphrase));
  }

  async #unlock(passphrase: string): Promise<void> {
    const record = this.#stored.get(only);
    if (record?.stretching === undefined)
      throw conflict(
        'secrets-not-locked',
        'there is nothing to unlock: the master key lies in its key file',
        {
          hint: 'berth secret rotate-key --passphrase protects it by a passphrase instead',
        },
      );
    const master = await keyOfPassphrase(passphrase, record.stretching);
    if (keyId(master) !== record.keyId)
      throw invalid('secrets-passphrase-wrong', 'the secrets stay locked: the passphrase is another one');
    this.#open ??= this.#opened(record, master);
  }

  /**
   * Replaces the master key: by one for a passphrase, or by a new one in the key file. Until the transaction is kept,
   * the former one is in force, also after a crash.
   * @param resealAll gives everything else that is sealed its new seal; called inside the transaction
   */
  rotate(
    passphrase: string | undefined,
    resealAll: (former: Uint8Array, next: Uint8Array) => void,
  ): Promise<void> {
    return this.#turns.run(only, async () => {
      const { keys } = this.#parts;
      if (this.#open === undefined) await this.#load();
      const former = this.#open?.master;
      if (former === undefined) throw locked();
      const stretching = passphrase === undefined ? undefined : newStretching();
      const next = stretching === undefined ? newKey() : await keyOfPassphrase(passphrase ?? '', stretching);
      // With both in the file, whichever the state names is found.
      if (stretching === undefined) await keys.write([...(await keys.read()), next]);
      // Only what is kept is in force: the end of a transaction can fail too.
      this.#open = this.#parts.store.transaction(() => {
        resealAll(former, next);
        return this.#replace(former, next, stretching);
      });
      await keys.write(stretching === undefined ? [next] : []);
    });
  }

  #replace(former: Uint8Array, next: Uint8Array, stretching: Stretching | undefined): Keys {
    const record = this.#stored.get(only);
    const digestKey = record && reseal(former, next, aboutDigests, record.digestKey);
    if (digestKey === undefined || this.#open === undefined) throw wrongKey('another one');
    this.#stored.put(only, { keyId: keyId(next), digestKey, ...(stretching && { stretching }) });
    return { ...this.#open, master: next };
  }

  async #load(): Promise<void> {
    if (this.#open !== undefined) return;
    const record = this.#stored.get(only);
    const passphrase = await this.#parts.passphrase();
    if (record === undefined) this.#open = await this.#make(passphrase);
    else if (record.stretching === undefined) this.#open = this.#opened(record, await this.#find(record));
    else if (passphrase !== undefined) await this.#unlock(passphrase);
  }

  async #find(record: KeyringRecord): Promise<Uint8Array> {
    const { keys } = this.#parts;
    const found = await keys.read();
    const key = found.find((one) => keyId(one) === record.keyId);
    if (key === undefined && found.length === 0)
      throw conflict(
        'secrets-key-missing',
        `the secrets cannot be opened: the key file '${keys.place}' is not there`,
        { hint: 'restore it from a backup; without its key no secret can be opened' },
      );
    if (key === undefined)
      throw wrongKey(found.map(keyId).join(', '), `required is ${record.keyId} in '${keys.place}'`);
    // Another one is of a rotation that was cut short.
    if (found.length > 1) await keys.write([key]);
    return key;
  }

  async #make(passphrase: string | undefined): Promise<Keys> {
    const { keys } = this.#parts;
    const stretching = passphrase === undefined ? undefined : newStretching();
    // A key that lies there already may be of a state that was moved away: it is not thrown away.
    const found = stretching === undefined ? (await keys.read())[0] : undefined;
    const master =
      stretching === undefined ? (found ?? newKey()) : await keyOfPassphrase(passphrase ?? '', stretching);
    // The key is on disk before anything is sealed by it.
    if (stretching === undefined) await keys.write([master]);
    const digest = newKey();
    const digestKey = seal(master, aboutDigests, digest);
    this.#stored.put(only, { keyId: keyId(master), digestKey, ...(stretching && { stretching }) });
    return { master, digest };
  }

  #opened({ digestKey }: KeyringRecord, master: Uint8Array): Keys {
    const digest = open(master, aboutDigests, digestKey);
    if (digest === undefined) throw wrongKey('one that does not open what the state holds');
    return { master, digest };
  }
}

function locked(): Error {
  return unavailable(
    'secrets-locked',
    'the secrets are locked: their master key is protected by a passphrase',
    {
      hint: 'berth secret unlock opens them until the daemon ends',
    },
  );
}

function wrongKey(found: string, required = 'required is the one that sealed them'): Error {
  return conflict(
    'secrets-key-wrong',
    `the secrets cannot be opened: the master key is ${found}, ${required}`,
    {
      hint: 'restore the key file that belongs to this state',
    },
  );
}
