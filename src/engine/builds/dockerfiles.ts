import { givenArguments } from '#domain/build/arguments.ts';
import type { IgnoreRules } from '#domain/build/ignore.ts';
import { planBuild, type BuildPlan } from '#domain/build/plan.ts';
import { checkDockerfile, type CheckedBase, type CheckResult } from '#domain/dockerfile/checks/check.ts';
import { outlineOf, targetsOf, type Outline, type Target } from '#domain/dockerfile/outline.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import type { Image } from '#domain/image/image.ts';
import type { BuildRequest, BuildWarning } from '#engine/contracts.ts';
import { BerthError, invalid } from '#base/errors.ts';

/** What is asked of a Dockerfile without building it. */
export interface DockerfileQuestion {
  text: string;
  /** What errors call it. */
  name?: string;
  args: Record<string, string>;
  /** Absent: the last stage for the outline, all stages for the check. */
  target?: string;
  /** `linux/amd64`; absent: this machine's. */
  platform?: string;
  /** Names of contexts that the client gives. */
  contexts?: readonly string[];
  /** Of the context's .dockerignore. */
  ignore?: IgnoreRules;
}

export function questionOf({ buildArgs, target, platform }: BuildRequest): Omit<DockerfileQuestion, 'text'> {
  return {
    args: givenArguments(buildArgs),
    ...(target === undefined ? {} : { target }),
    ...(platform === undefined ? {} : { platform }),
  };
}

/** Answers `docker build --check`, `--call=outline` and `--call=targets`: looks at images that are here, and builds nothing. */
export class Dockerfiles {
  readonly #find: (reference: string) => Pick<Image, 'config'> | undefined;
  readonly #machine: string;

  /** `find` gives an image that is here, `machine` is such as `linux/amd64`. */
  constructor(find: (reference: string) => Pick<Image, 'config'> | undefined, machine: string) {
    this.#find = find;
    this.#machine = machine;
  }

  /** @throws invalid `check-option-invalid`; what keeps the file from being built is in the result */
  check(question: DockerfileQuestion): CheckResult {
    try {
      const file = parseDockerfile(question.text, question.name);
      const plan = this.#plan(question);
      const hasTarget = question.target !== undefined && question.target !== '';
      return this.#checkPlan({ ...plan, file }, question, hasTarget);
    } catch (error) {
      if (!(error instanceof BerthError) || error.code === 'check-option-invalid') throw error;
      return { warnings: [], isError: false, failure: error };
    }
  }

  /** Of a build that has its plan: only the stages that it needs. @throws invalid `check-option-invalid`, `dockerfile-check-failed` */
  checkBuild(plan: BuildPlan, question: Omit<DockerfileQuestion, 'text'>): BuildWarning[] {
    const { warnings, isError } = this.#checkPlan(plan, question, true);
    const file = plan.file.source.name;
    if (isError) {
      const names = [...new Set(warnings.map(({ rule }) => rule))].join(', ');
      throw invalid('dockerfile-check-failed', `lint violation found for rules: ${names}`, {
        hint: `${file} asks by its check directive that warnings make the build fail`,
      });
    }
    return warnings.map(({ rule, message, description, url, at }) => ({
      ...{ rule, short: `${rule}: ${message} (line ${at.line})`, detail: description, file, line: at.line },
      ...(url === '' ? {} : { url }),
    }));
  }

  /** @throws invalid `dockerfile-invalid`, `build-target-missing` */
  outline(question: DockerfileQuestion): Outline {
    const plan = this.#plan(question);
    return outlineOf(plan.file, {
      ...this.#request(question),
      stages: plan.stages.map(({ index }) => index),
      base: (reference) => this.#base(reference)?.config,
    });
  }

  /** @throws invalid `dockerfile-invalid` */
  targets({ text, name }: Pick<DockerfileQuestion, 'text' | 'name'>): Target[] {
    return targetsOf(parseDockerfile(text, name));
  }

  #plan(question: DockerfileQuestion): BuildPlan {
    const { text, name, contexts = [] } = question;
    return planBuild(parseDockerfile(text, name), { ...this.#request(question), labels: {}, contexts });
  }

  #checkPlan(
    plan: BuildPlan,
    question: Omit<DockerfileQuestion, 'text'>,
    isTargetOnly: boolean,
  ): CheckResult {
    const { ignore } = question;
    return checkDockerfile(plan.file, {
      ...this.#request(question),
      base: (reference) => this.#base(reference),
      ...(isTargetOnly ? { stages: new Set(plan.stages.map(({ index }) => index)) } : {}),
      ...(ignore === undefined ? {} : { ignore }),
    });
  }

  #request({ args, target, platform }: Omit<DockerfileQuestion, 'text'>): {
    args: Record<string, string>;
    platform: string;
    machine: string;
    target?: string;
  } {
    const machine = this.#machine;
    const wanted = platform === undefined || platform === '' ? machine : platform;
    return { args, machine, platform: wanted, ...(target === undefined ? {} : { target }) };
  }

  #base(reference: string): CheckedBase | undefined {
    const image = this.#find(reference);
    if (image === undefined) return undefined;
    const { os, architecture, config = {} } = image.config;
    return { config, platform: { os, architecture } };
  }
}
