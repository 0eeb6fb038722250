import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIgnore } from '#domain/build/ignore.ts';
import { parseDockerfile } from '../parse.ts';
import { checkDockerfile, type CheckRequest, type CheckResult } from './check.ts';
import { rules } from './rules.ts';

const base = { config: { Env: ['HOME=/root'] }, platform: { os: 'linux', architecture: 'amd64' } };

function check(text: string, more: Partial<CheckRequest> = {}): CheckResult {
  const request = { args: {}, platform: 'linux/amd64', machine: 'linux/amd64', base: () => base };
  return checkDockerfile(parseDockerfile(text), { ...request, ...more });
}

/** `LINE RULE: MESSAGE` of each warning. */
function warned(text: string, more: Partial<CheckRequest> = {}): string[] {
  return check(text, more).warnings.map(({ rule, message, at }) => `${at.line} ${rule}: ${message}`);
}

/** What breaks each rule, and what is said then. */
const broken: Record<string, [text: string, warning: string]> = {
  StageNameCasing: ['FROM a AS Two', "1 StageNameCasing: Stage name 'Two' should be lowercase"],
  FromAsCasing: ['FROM a as two', "1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"],
  NoEmptyContinuation: ['FROM a\nRUN x \\\n\n  y', '4 NoEmptyContinuation: Empty continuation line'],
  ConsistentInstructionCasing: [
    'FROM a\nRUN x\nrun y',
    "3 ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase)",
  ],
  DuplicateStageName: [
    'FROM a AS x\nFROM b AS x',
    '2 DuplicateStageName: Duplicate stage name "x", stage names should be unique',
  ],
  ReservedStageName: [
    'FROM a AS context',
    '1 ReservedStageName: Stage name should not use the same name as reserved stage "context"',
  ],
  JSONArgsRecommended: [
    'FROM a\nCMD x',
    '2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
  ],
  MaintainerDeprecated: [
    'FROM a\nMAINTAINER me',
    '2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label',
  ],
  UndefinedArgInFrom: [
    'ARG VERSION=1\nFROM a:1$VERSOIN',
    "2 UndefinedArgInFrom: FROM argument 'VERSOIN' is not declared (did you mean VERSION?)",
  ],
  WorkdirRelativePath: [
    'FROM a\nWORKDIR x',
    '2 WorkdirRelativePath: Relative workdir "x" can have unexpected results if the base image changes',
  ],
  UndefinedVar: [
    'FROM a\nARG PLACE=/x\nCOPY a $PALCE',
    "3 UndefinedVar: Usage of undefined variable '$PALCE' (did you mean $PLACE?)",
  ],
  MultipleInstructionsDisallowed: [
    'FROM a\nCMD ["x"]\nCMD ["y"]',
    '2 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used',
  ],
  LegacyKeyValueFormat: [
    'FROM a\nENV a b',
    '2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
  ],
  InvalidBaseImagePlatform: [
    'ARG P=linux/arm64\nFROM --platform=$P a',
    '2 InvalidBaseImagePlatform: Base image a was pulled with platform "linux/amd64", expected "linux/arm64" for current build',
  ],
  RedundantTargetPlatform: [
    'FROM --platform=$TARGETPLATFORM a',
    '1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  ],
  SecretsUsedInArgOrEnv: [
    'FROM a\nARG API_KEY',
    '2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "API_KEY")',
  ],
  InvalidDefaultArgInFrom: [
    'ARG BASE=UPPER\nFROM $BASE',
    '2 InvalidDefaultArgInFrom: Default value for ARG $BASE results in empty or invalid base image name',
  ],
  FromPlatformFlagConstDisallowed: [
    'FROM --platform=linux/amd64 a',
    '1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"',
  ],
  CopyIgnoredFile: [
    'FROM a\nCOPY ./tmp/x /',
    '2 CopyIgnoredFile: Attempting to Copy file "tmp/x" that is excluded by .dockerignore',
  ],
  InvalidDefinitionDescription: [
    '# check=experimental=all\n# whatever\nARG x\nFROM a',
    '3 InvalidDefinitionDescription: Comment for ARG should follow the format: `# x <description>`',
  ],
  ExposeProtoCasing: [
    'FROM a\nEXPOSE 80/TCP',
    "2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
  ],
  ExposeInvalidFormat: [
    'FROM a\nEXPOSE 8080:80',
    "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '8080:80'",
  ],
};

for (const rule of Object.values(rules))
  test(`${rule.name} is said where it is broken, with its page, and not when it is skipped`, () => {
    const [text = '', warning] = broken[rule.name] ?? [];
    const more = { ignore: parseIgnore('tmp'), args: text.includes('UPPER') ? { BASE: 'given' } : {} };
    assert.ok(warned(text, more).includes(warning ?? ''), warned(text, more).join('\n'));
    const found = check(text, more).warnings.find((each) => each.rule === rule.name);
    assert.equal(found?.description, rule.description);
    if (rule.page !== '')
      assert.match(found.url, /^https:\/\/docs\.docker\.com\/go\/dockerfile\/rule\/[a-z-]+\/$/);
    const skips = { BUILDKIT_DOCKERFILE_CHECK: `skip=${rule.name}` };
    assert.deepEqual(
      warned(text, { ...more, args: { ...more.args, ...skips } }).filter((each) => each.includes(rule.name)),
      [],
    );
  });

test('a file without a fault is told nothing', () => {
  const text = `ARG BASE=a
# build makes it
FROM --platform=$BUILDPLATFORM $BASE AS build
ARG VERSION=1 TARGETARCH
WORKDIR /src
COPY go.\${VERSION} $HOME/
RUN --mount=type=cache,target=/c make $UNKNOWN_TO_US
FROM build
ENV A=$VERSION FILE_KEY_FILE=x
SHELL ["/bin/sh", "-c"]
CMD run
EXPOSE 80 53/udp
`;
  assert.deepEqual(warned(text), []);
});

test('a comment before an instruction leaves a rule out there only', () => {
  const text = 'FROM a\n# check=skip=UndefinedVar\nENV X=$A\nENV Y=$SOMETHING\n';
  assert.deepEqual(warned(text), ["4 UndefinedVar: Usage of undefined variable '$SOMETHING'"]);
});

test('the check directive skips rules and turns warnings into errors', () => {
  assert.equal(check('# check=error=true\nFROM a\nCMD x').isError, true);
  assert.equal(check('# check=skip=JSONArgsRecommended;error=true\nFROM a\nCMD x').isError, false);
  assert.deepEqual(warned('# check=skip=all\nFROM a AS B\nCMD x'), []);
  assert.throws(() => check('# check=skp=all\nFROM a'), /invalid check option "skp"/);
});

test('of a base that is not at hand nothing is guessed', () => {
  assert.deepEqual(warned('FROM a\nENV X=$A', { base: () => undefined }), []);
});

test('only the stages that are asked for are looked into', () => {
  const text = 'FROM a AS x\nENV X=$A\nFROM a\nENV X=$SOMETHING';
  assert.deepEqual(warned(text, { stages: new Set([1]) }), [
    "4 UndefinedVar: Usage of undefined variable '$SOMETHING'",
  ]);
});

test('what cannot be built is told beside the warnings', () => {
  const { warnings, failure } = check('FROM a AS B\nEXPOSE x');
  assert.equal(warnings.length, 1);
  assert.match(failure?.message ?? '', /invalid containerPort: x/);
});
