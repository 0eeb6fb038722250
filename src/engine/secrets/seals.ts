import { conflict } from '#base/errors.ts';
import type * as contracts from '#engine/contracts/secrets.ts';
import type { Keyring } from './keyring.ts';
import { open, reseal, seal, type Sealed } from './sealing.ts';

/** Texts that other rooms keep in the state, sealed as values of secrets are. */
export class Seals implements contracts.Seals {
  readonly #keyring: Pick<Keyring, 'use'>;
  readonly #owners: Parameters<contracts.Seals['onRotation']>[0][] = [];

  constructor(keyring: Pick<Keyring, 'use'>) {
    this.#keyring = keyring;
  }

  seal(about: string, text: string, keep: (sealed: Sealed) => void): Promise<void> {
    return this.#keyring.use(({ master }) => keep(seal(master, about, Buffer.from(text))));
  }

  open(about: string, sealed: Sealed): Promise<string> {
    return this.#keyring.use(({ master }) =>
      Buffer.from(open(master, about, sealed) ?? damaged(about)).toString(),
    );
  }

  onRotation(replace: Parameters<contracts.Seals['onRotation']>[0]): void {
    this.#owners.push(replace);
  }

  /** Gives how many were sealed again. */
  resealAll(former: Uint8Array, next: Uint8Array): number {
    let count = 0;
    for (const replace of this.#owners)
      replace((about, sealed) => {
        count += 1;
        return reseal(former, next, about, sealed) ?? damaged(about);
      });
    return count;
  }
}

export function damaged(about: string): never {
  throw conflict('secret-damaged', `the stored value of ${about} does not open: it was changed or damaged`, {
    hint: 'restore the state from a backup, or set the value again',
  });
}
