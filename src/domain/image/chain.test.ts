import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { chainIdOf, chainIds } from './chain.ts';
import type { Digest } from './digest.ts';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;

test('a chain id names its layer on top of all below it', () => {
  const [a, b, c] = [digest('a'), digest('b'), digest('c')];
  const hash = (text: string): Digest => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const second = hash(`${a} ${b}`);
  assert.deepEqual(chainIds([a, b, c]), [a, second, hash(`${second} ${c}`)]);
  assert.equal(chainIdOf([a, b]), second);
  assert.equal(chainIdOf([]), '');
});
