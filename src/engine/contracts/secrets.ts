import type { SecretKey, SecretOrigin, SecretReference, SecretVersion } from '#domain/secret/secret.ts';

/** Who needs a version of a value. */
export interface SecretUse {
  reference: SecretReference;
  /** In words: `the app shop`, `revision 3 of the app shop`. */
  holder: string;
}

/** A secret as people see it: never its value. */
export interface SecretView extends SecretKey {
  /** Of the newest; 0 when its value is gone. */
  version: number;
  created: string;
  by: string;
  origin: SecretOrigin;
}

export interface NewSecret {
  by: string;
  origin: SecretOrigin;
}

/** A text as the state store holds it. */
export interface SealedText {
  key: string;
  value: string;
}

/** Seals what other rooms keep in the state store: by the master key, as values of secrets. */
export interface Seals {
  /**
   * @param about which text it is, so that no other can stand in for it
   * @param keep writes it, before the master key can be replaced
   * @throws unavailable `secrets-locked`; conflict `secrets-key-missing`, `secrets-key-wrong`
   */
  seal(about: string, text: string, keep: (sealed: SealedText) => void): Promise<void>;
  /** @throws as `seal`; conflict `secret-damaged` */
  open(about: string, sealed: SealedText): Promise<string>;
  /** @param replace writes all texts of a room anew, in the transaction in which the master key is replaced */
  onRotation(replace: (again: (about: string, sealed: SealedText) => SealedText) => void): void;
}

/** Values that are sealed at rest and given to nobody but containers. */
export interface Secrets {
  /** Keeps a value and gives its version: the present one when the value is the same. */
  put(key: SecretKey, value: Uint8Array, about: NewSecret): Promise<{ version: number; isNew: boolean }>;
  /** The version that `put` would give. */
  foresee(key: SecretKey, value: Uint8Array): Promise<number>;
  /** The newest version; undefined when there is none. */
  latest(key: SecretKey): number | undefined;
  /**
   * @throws not-found `secret-version-gone`; unavailable `secrets-locked`; conflict `secrets-key-missing`,
   *   `secrets-key-wrong`, `secret-damaged`
   */
  value(reference: SecretReference): Promise<Uint8Array>;
  list(): SecretView[];
  /** @throws not-found `secret-missing` */
  history(key: SecretKey): SecretVersion[];
  /** @throws not-found `secret-missing`; conflict `secret-in-use` naming who needs it */
  remove(key: SecretKey): void;
  /** Asks `find` for every use from now on. */
  usedBy(find: () => SecretUse[]): void;
  /** Lets go of the values that nothing needs any more. */
  collect(): void;
}
