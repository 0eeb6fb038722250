import { messageOf, systemCode, unavailable, type BerthError } from './errors.ts';

/** What a person can do about a disk without room. `detail` says what could not be written. */
export function diskFull(detail: string, cause: unknown): BerthError {
  return unavailable(
    'disk-full',
    `no space left on device: ${detail}; free some (docker system prune), or set root to a larger disk`,
    { cause },
  );
}

/** A system error that says that the disk is full, or the user's share of it, in words; any other error as it is. */
export function explainDiskFull(error: unknown): unknown {
  const code = systemCode(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return diskFull(messageOf(error).replace(/^\w+: [^,]+, /, ''), error);
}
