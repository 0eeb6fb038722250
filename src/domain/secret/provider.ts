/** Where a value is fetched from at each `up`, instead of from the compose file's folder. */
export type SecretProvider = FileProvider | ExecProvider | VaultProvider;

export interface FileProvider {
  kind: 'file';
  /** Absolute, on the daemon's machine. */
  path: string;
}

/** A program that prints the value; one newline at its end is no part of it. */
export interface ExecProvider {
  kind: 'exec';
  /** Program and arguments; no shell reads them. */
  command: string[];
  /** Seconds. */
  timeout: number;
}

/** A key-value store as HashiCorp Vault's second version has it (KV v2). */
export interface VaultProvider {
  kind: 'vault';
  /** Such as `https://vault.example.com:8200`. */
  url: string;
  /** Mount and name, such as `secret/shop`. */
  path: string;
  field: string;
  /** Name of the secret in Berth's store that is the token. */
  token: string;
  /** Seconds. */
  timeout: number;
}

/** What `x-berth.secrets` says of one of the app's secrets. */
export interface SecretRule {
  provider?: SecretProvider;
  /** A new value in Berth's store restarts the services that use it, one replica after the other. */
  restart?: boolean;
}
