import type { CheckResult } from '#domain/dockerfile/checks/check.ts';
import type { Outline, OutlineEntry, Target } from '#domain/dockerfile/outline.ts';
import { DockerfileError } from '#domain/dockerfile/source.ts';
import type { BuildRequest, Builds, DockerfileAnswer } from '#engine/contracts.ts';
import {
  checkText,
  outlineText,
  requestsText,
  targetsText,
  type CheckReport,
  type SubrequestDefinition,
} from '#engine/solves/subrequest-texts.ts';
import { unsupported } from '#base/errors.ts';

// BuildKit's frontend/subrequests: questions on a Dockerfile, answered by `result.json` for programs and `result.txt` for
// people. Clients write the text anew from the JSON where they know the version.

const version = '1.0.0';

const definitions: SubrequestDefinition[] = [
  definition('frontend.lint', 'Lint a Dockerfile', ['result.json', 'result.txt', 'result.statuscode']),
  {
    ...definition('frontend.outline', 'List all parameters current build target supports'),
    opts: [{ name: 'target', description: 'Target build stage' }],
  },
  definition('frontend.targets', 'List all targets current build supports'),
  definition('frontend.subrequests.describe', 'List available subrequest types'),
];

function definition(
  name: string,
  description: string,
  metadata = ['result.json', 'result.txt'],
): SubrequestDefinition {
  return {
    ...{ name, version, type: 'rpc', description, opts: [] },
    metadata: metadata.map((each) => ({ name: each })),
  };
}

type Questions = Pick<Builds, 'check' | 'outline' | 'targets'>;

/** @throws unsupported `subrequest-unsupported`; as the questions of Builds */
export async function answerSubrequest(
  builds: Questions,
  name: string,
  request: BuildRequest,
): Promise<Record<string, string>> {
  switch (name) {
    case 'frontend.lint':
      return checkResult(await builds.check(request));
    case 'frontend.outline':
      return outlineResult(await builds.outline(request));
    case 'frontend.targets':
      return targetsResult(await builds.targets(request));
    case 'frontend.subrequests.describe':
      return result(definitions, requestsText(definitions));
    default:
      throw unsupported('subrequest-unsupported', `unsupported request ${name}`);
  }
}

function checkResult({ file, answer }: DockerfileAnswer<CheckResult>): Record<string, string> {
  const { warnings, failure } = answer;
  const report: CheckReport = {
    warnings: warnings.map(({ rule, description, url, message, at, endLine }) => ({
      ...{ ruleName: rule, description, url, detail: message },
      location: location(at.line, endLine),
    })),
    sources: [{ filename: file.name, language: 'Dockerfile', data: base64(file.text) }],
  };
  if (failure instanceof DockerfileError) {
    const { words, at } = failure.place;
    report.buildError = { message: words, location: location(at.line, at.line) };
  } else if (failure !== undefined) throw failure;
  const isClean = warnings.length === 0 && failure === undefined;
  return { ...result(report, checkText(report, file)), 'result.statuscode': isClean ? '0' : '1' };
}

function outlineResult({ file, answer }: DockerfileAnswer<Outline>): Record<string, string> {
  const { name, description, args, secrets, ssh, caches } = answer;
  const json = {
    ...{ name, description },
    args: args.map((arg) => ({ name: arg.name, description: arg.description, value: arg.value, ...at(arg) })),
    secrets: secrets.map((each) => ({ name: each.name, required: each.required, ...at(each) })),
    ssh: ssh.map((each) => ({ name: each.name, required: each.required, ...at(each) })),
    cache: caches.map((each) => ({ ID: each.name, ...at(each) })),
    sources: [base64(file.text)],
  };
  return result(json, outlineText(answer));
}

function targetsResult({ file, answer }: DockerfileAnswer<Target[]>): Record<string, string> {
  const targets = answer.map((target) => {
    const { name, description, isDefault, base, platform } = target;
    return { name, default: isDefault, description, base, platform, ...at(target) };
  });
  return result({ targets, sources: [base64(file.text)] }, targetsText(answer));
}

function result(json: unknown, text: string): Record<string, string> {
  return { 'result.json': JSON.stringify(json, undefined, 2), 'result.txt': text, version };
}

function at({ line, endLine }: Pick<OutlineEntry, 'line' | 'endLine'>): {
  location: ReturnType<typeof location>;
} {
  return { location: location(line, endLine) };
}

function location(line: number, endLine: number) {
  return { ranges: [{ start: { line }, end: { line: endLine } }] };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
