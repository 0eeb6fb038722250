import { messageOf } from '#base/errors.ts';
import type { Image } from '#domain/image/image.ts';
import { parseReference, repositoryOf } from '#domain/image/reference.ts';
import type { RegistryClient } from '#ports/registry-client.ts';

/** What a registry has under a name by now: what is here, another image, or why that is not known. */
export type AtRegistry = 'same' | 'newer' | { reason: string };

/** Names that are asked for at a time. */
const together = 4;

/** A registry that is silent must not keep people from hearing of the rest. Milliseconds. */
const patience = 15_000;

/** Asks registries whether the images that were pulled from them are still those that their names stand for. */
export class PulledNames {
  readonly #registry: Pick<RegistryClient, 'manifestDigest'>;

  constructor(registry: Pick<RegistryClient, 'manifestDigest'>) {
    this.#registry = registry;
  }

  async ask(
    pulled: readonly { name: string; image: Pick<Image, 'repoDigests'> }[],
    signal: AbortSignal,
  ): Promise<Map<string, AtRegistry>> {
    const found = new Map<string, AtRegistry>();
    const waiting = [...pulled];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        found.set(next.name, await this.#ask(next.name, next.image, signal));
    };
    await Promise.all(Array.from({ length: together }, work));
    return found;
  }

  async #ask(
    name: string,
    { repoDigests }: Pick<Image, 'repoDigests'>,
    signal: AbortSignal,
  ): Promise<AtRegistry> {
    const reference = parseReference(name);
    const until = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    try {
      const digest = await this.#registry.manifestDigest(reference, undefined, until);
      if (digest === undefined)
        return { reason: `${reference.registry} does not tell what the name stands for` };
      return repoDigests.includes(`${repositoryOf(reference)}@${digest}`) ? 'same' : 'newer';
    } catch (error) {
      signal.throwIfAborted();
      return { reason: until.aborted ? `${reference.registry} does not answer` : messageOf(error) };
    }
  }
}
