import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyStore } from '#ports/key-store.ts';

export interface KeyStoreFixture extends AsyncDisposable {
  store: KeyStore;
  /** Another view of the same place, as after a restart. */
  again: () => KeyStore;
}

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const numbers = (keys: Uint8Array[]): (number | undefined)[] => keys.map((one) => one[0]);

/** What every key store does. `make` gives an empty one. */
export function keyStoreContract(name: string, make: () => Promise<KeyStoreFixture>): void {
  test(`${name}: there is no key at first`, async () => {
    await using fixture = await make();
    assert.deepEqual(await fixture.store.read(), []);
  });

  test(`${name}: what was written is read, in its order, also after a restart`, async () => {
    await using fixture = await make();
    await fixture.store.write([key(1), key(2)]);
    assert.deepEqual(numbers(await fixture.store.read()), [1, 2]);
    assert.deepEqual(numbers(await fixture.again().read()), [1, 2]);
  });

  test(`${name}: writing replaces all; writing nothing leaves nothing`, async () => {
    await using fixture = await make();
    await fixture.store.write([key(1), key(2)]);
    await fixture.store.write([key(3)]);
    assert.deepEqual(numbers(await fixture.again().read()), [3]);
    await fixture.store.write([]);
    assert.deepEqual(await fixture.again().read(), []);
    await fixture.store.write([]);
  });
}
