import { closeSync, readFileSync } from 'node:fs';
import { invalid, messageOf } from '#base/errors.ts';

/**
 * A passphrase that the daemon is started with: the first line of a descriptor, which is read at once and closed.
 * @param descriptor -1 for none
 * @throws invalid `secrets-passphrase-unreadable`
 */
export function passphraseFrom(descriptor: number): () => Promise<string | undefined> {
  const passphrase = descriptor < 0 ? undefined : read(descriptor);
  return () => Promise.resolve(passphrase);
}

function read(descriptor: number): string {
  try {
    const [line = ''] = readFileSync(descriptor, 'utf8').split('\n', 1);
    closeSync(descriptor);
    if (line === '') throw new Error('it gave nothing');
    return line;
  } catch (error) {
    throw invalid(
      'secrets-passphrase-unreadable',
      `no passphrase can be read from descriptor ${descriptor} (secrets.passphrase-fd): ${messageOf(error)}`,
    );
  }
}
