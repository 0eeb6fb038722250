import { fingerprint } from '#base/ids.ts';
import type { Digest } from '#domain/image/digest.ts';

/**
 * Chain ids of layers from the lowest up: each names its layer on top of all below it (OCI image
 * specification, config.md, Layer ChainID).
 */
export function chainIds(diffIds: Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : `sha256:${fingerprint(`${parent} ${diffId}`)}`);
  }
  return chain;
}

/** Chain id of all layers together; '' for none. */
export function chainIdOf(diffIds: Digest[]): Digest | '' {
  return chainIds(diffIds).at(-1) ?? '';
}
