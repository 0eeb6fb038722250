import { BerthError } from '#base/errors.ts';
import { own } from '#base/own.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import type { IgnoreRules } from '#domain/build/ignore.ts';
import { formatPlatform, matchesPlatform, parsePlatform } from '#domain/image/platform.ts';
import type { Platform } from '#domain/image/manifest.ts';
import { MountError } from '../mount-options.ts';
import type { Dockerfile, Stage } from '../parse.ts';
import { mistake } from '../source.ts';
import { globalValues, type GlobalRequest } from '#domain/build/globals.ts';
import { checkBase, checkDefaults, type Base } from './bases.ts';
import { parseCheckOptions } from './options.ts';
import { rules } from './rules.ts';
import { Scope, type ScopeSource } from './scope.ts';
import { StageChecks } from './values.ts';
import { Findings, type Warning } from './warning.ts';
import { checkWriting } from './writing.ts';

const amd64: Platform = { os: 'linux', architecture: 'amd64' };

/** An image that a stage stands on, as far as checks look at it. */
export interface CheckedBase {
  config: ContainerConfig;
  platform?: Platform;
}

export interface CheckRequest extends GlobalRequest {
  /** The indexes of the stages to look into; absent: all. */
  stages?: ReadonlySet<number>;
  /** Of the context. */
  ignore?: IgnoreRules;
  /** The image of a reference; undefined when it is not at hand, and then nothing is said of its variables. */
  base?: (reference: string, platform: string | undefined) => CheckedBase | undefined;
}

export interface CheckResult {
  /** By line. */
  warnings: Warning[];
  /** The file asks that warnings make the build fail, and there are some. */
  isError: boolean;
  /** Why the file cannot be built at all. */
  failure?: BerthError;
}

/**
 * What `docker build --check` says of a file (BuildKit frontend/dockerfile/linter); nothing is run. The options
 * are the file's `check` directive, or the argument BUILDKIT_DOCKERFILE_CHECK.
 * @throws invalid `check-option-invalid`
 */
export function checkDockerfile(file: Dockerfile, request: CheckRequest): CheckResult {
  const written = own(request.args, 'BUILDKIT_DOCKERFILE_CHECK') ?? file.directives.check ?? '';
  const options = parseCheckOptions(written);
  const findings = new Findings(options);
  const failure = attempt(() => {
    checkWriting(file, findings);
    checkStages(file, request, findings);
  });
  const warnings = findings.all();
  const isError = options.isError && warnings.length > 0;
  return { warnings, isError, ...(failure === undefined ? {} : { failure }) };
}

function attempt(run: () => void): BerthError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof BerthError) return error;
    throw error;
  }
}

function checkStages(file: Dockerfile, request: CheckRequest, findings: Findings): void {
  checkDefaults(file, request, findings);
  const globals = globalValues(file, request);
  const source: ScopeSource = { file, args: { given: request.args, globals } };
  const bases = file.stages.map(({ from }) => checkBase(file, from, globals, findings));
  const scopes = new Map<string, Scope>();
  for (const [index, stage] of file.stages.entries()) {
    const base = bases[index] ?? { image: '' };
    const parent = scopes.get(base.image.toLowerCase());
    const scope = parent?.child() ?? imageScope(source, stage, base, request, findings);
    if (stage.from.as !== undefined) scopes.set(stage.from.as, scope);
    const checks = new StageChecks(findings, scope, request.ignore);
    if (request.stages?.has(index) !== false) checkInstructions(file, stage, checks);
  }
}

function imageScope(
  source: ScopeSource,
  { from }: Stage,
  { image, platform: own }: Base,
  { base, platform }: CheckRequest,
  findings: Findings,
): Scope {
  if (image === 'scratch') return Scope.ofImage(source, {});
  const wanted = parsePlatform(own ?? platform, amd64);
  const found = base?.(image, own);
  if (found?.platform !== undefined && !matchesPlatform(found.platform, withoutVariant(wanted)))
    findings.add(
      rules.invalidBaseImagePlatform,
      from,
      `Base image ${image} was pulled with platform "${formatPlatform(found.platform)}", expected "${formatPlatform(wanted)}" for current build`,
      [],
    );
  return Scope.ofImage(source, found?.config);
}

function withoutVariant({ os, architecture }: Platform): Platform {
  return { os, architecture };
}

function checkInstructions(file: Dockerfile, stage: Stage, checks: StageChecks): void {
  for (const instruction of stage.instructions)
    try {
      checks.check(instruction);
    } catch (error) {
      if (error instanceof MountError || (error instanceof BerthError && error.code !== 'dockerfile-invalid'))
        throw mistake(file.source, instruction.at, error.message, { length: instruction.text.length });
      throw error;
    }
}
