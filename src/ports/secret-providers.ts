import type { ExecProvider, VaultProvider } from '#domain/secret/provider.ts';

/** Where values are fetched from that neither a compose file nor Berth's store holds. No message ever holds a value. */
export interface SecretProviders {
  /** What a program prints. @throws unavailable `secret-provider-failed` */
  exec(provider: ExecProvider): Promise<Uint8Array>;
  /** A field of a KV v2 secret. @throws unavailable `secret-provider-failed` */
  vault(provider: Omit<VaultProvider, 'token'>, token: string): Promise<Uint8Array>;
}
