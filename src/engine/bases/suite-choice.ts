import { isKind, notFound } from '#base/errors.ts';
import { mainPackage } from '#domain/base/base-config.ts';
import { versionTags, type BaseName, type BaseRequest } from '#domain/base/base-name.ts';
import { knownSuites } from '#domain/base/sources.ts';
import type { BootstrapPlan, Bootstrapper } from '#ports/bootstrapper.ts';

/** Finds the suite that has the version that a tag names. */
export class SuiteChoice {
  readonly #bootstrapper: Pick<Bootstrapper, 'defaultSuite'>;

  constructor(bootstrapper: Pick<Bootstrapper, 'defaultSuite'>) {
    this.#bootstrapper = bootstrapper;
  }

  /**
   * Without a version: the suite that was named, or the default one. With one: the first suite whose main package has it, the
   * default one before the newer ones before the older ones.
   * @param plan what the image would hold in a suite
   * @throws not-found `base-version-unknown` with the versions that there are; as `plan`
   */
  async choose(
    tag: string,
    { version, ...name }: BaseRequest,
    plan: (suite: string) => Promise<BootstrapPlan>,
  ): Promise<BaseName> {
    const named = name.suite;
    if (named !== undefined && version === undefined) return { ...name, suite: named };
    const standard = await this.#bootstrapper.defaultSuite();
    if (version === undefined) return { ...name, suite: standard };
    const found: string[] = [];
    for (const suite of named === undefined ? new Set([standard, ...knownSuites]) : [named]) {
      const main = mainPackage(name, (await planned(plan, suite))?.packages ?? []);
      if (main === undefined) continue;
      if (versionTags(main.version).includes(version)) return { ...name, suite };
      found.push(`${suite} has ${main.version}`);
    }
    throw notFound(
      'base-version-unknown',
      `pull '${tag}': there is no version ${version}: ${found.join(', ') || 'no suite of the mirror has it'}`,
      { hint: 'Name a version that is there, or a suite such as bookworm.' },
    );
  }
}

/** Undefined where the mirror has no such suite, or it has no such package. */
async function planned(
  plan: (suite: string) => Promise<BootstrapPlan>,
  suite: string,
): Promise<BootstrapPlan | undefined> {
  try {
    return await plan(suite);
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined;
    throw error;
  }
}
