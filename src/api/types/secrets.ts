// The shapes of secrets, for clients of Berth's own API. Values go in and never come out.

export interface SecretAnswer {
  /** Of a config only when an app's compose file gives it. */
  noun: 'secret' | 'config';
  /** '' for one of the whole machine. */
  app: string;
  name: string;
  /** Of the newest value; 0 when it is gone. */
  version: number;
  /** RFC 3339. */
  created: string;
  by: string;
  origin: SecretVersionAnswer['origin'];
}

export interface SecretsAnswer {
  secrets: SecretAnswer[];
  /** What protects the master key; `none` until there is the first secret. */
  protection: 'none' | 'key-file' | 'passphrase';
  locked: boolean;
}

export interface SecretVersionAnswer {
  version: number;
  /** RFC 3339. */
  created: string;
  by: string;
  origin: 'set' | 'file' | 'environment' | 'content' | 'provider';
  /** Its value is there no more: nothing referred to it. */
  gone: boolean;
}

export interface SetSecretBody {
  /** Base64. */
  value: string;
  /** Absent: of the whole machine. */
  app?: string;
  /** Apps whose compose file asks for it are restarted; true unless it is false. */
  restart?: boolean;
}

export interface SetSecretAnswer {
  version: number;
  /** False when the value was the same. */
  isNew: boolean;
  /** Apps that run with an older version. */
  outdated: { app: string; secrets: string[]; restarts: boolean }[];
}

export interface RotateKeyAnswer {
  /** Values that are sealed by the new key now. */
  values: number;
  protection: SecretsAnswer['protection'];
}
