import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8 begin a match anew with its linear engine when it has gone back too often: a client's pattern must
 * not hold the daemon (docs/decisions/patterns-of-clients.md). For the whole process; call it once, at its start.
 */
export function boundPatterns(): void {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
}
