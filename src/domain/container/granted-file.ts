import type { SecretReference } from '#domain/secret/secret.ts';

/**
 * A secret or config that a container finds as a file: on a tmpfs, read-only, made at each start from the value that is
 * kept sealed. A container's record has this in place of the value.
 */
export interface GrantedFile {
  /** Absolute path in the container. */
  target: string;
  uid: number;
  gid: number;
  /** Such as 0o440. */
  mode: number;
  from: SecretReference;
}
