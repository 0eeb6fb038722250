import type { RegistryOptions } from '#adapters/registry-client/calls.ts';

/** How tests speak to registries: without anything of this machine, and without waiting. */
export function registryOptions(set: Partial<RegistryOptions> = {}): RegistryOptions {
  return {
    insecureRegistries: [],
    mirrors: {},
    certificateFolders: [],
    authFile: '',
    environment: {},
    stallMillis: 60_000,
    backOffMillis: 1,
    now: () => Date.now(),
    random: () => 0.5,
    ...set,
  };
}
