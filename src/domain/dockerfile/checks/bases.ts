import { own } from '#base/own.ts';
import { nearest } from '#base/nearest.ts';
import { globalValues, type GlobalRequest } from '#domain/build/globals.ts';
import { expanderFor } from '#domain/build/state.ts';
import { parsePlatform } from '#domain/image/platform.ts';
import { referenceOrUndefined } from '#domain/image/reference.ts';
import type { From, Written } from '../instruction.ts';
import type { Dockerfile } from '../parse.ts';
import { misuse } from '../source.ts';
import { rules } from './rules.ts';
import type { Findings } from './warning.ts';

/** What a word of a FROM comes to, and the arguments that it names. */
export interface GlobalWord {
  text: string;
  matched: Set<string>;
  unmatched: Set<string>;
}

/** @throws invalid `dockerfile-invalid` */
export function globalWord(
  file: Dockerfile,
  from: Written,
  word: string,
  values: Record<string, string>,
): GlobalWord {
  const matched = new Set<string>();
  const unmatched = new Set<string>();
  const expand = expanderFor(file, from, (name) => {
    const value = own(values, name);
    (value === undefined ? unmatched : matched).add(name);
    return value;
  });
  return { text: expand.one(word), matched, unmatched };
}

/** Checks that the names of bases hold without any build argument. */
export function checkDefaults(file: Dockerfile, request: GlobalRequest, findings: Findings): void {
  const defaults = globalValues(file, { ...request, args: {} });
  for (const { from } of file.stages)
    if (referenceOrUndefined(globalWord(file, from, from.image, defaults).text) === undefined)
      findings.add(
        rules.invalidDefaultArgInFrom,
        from,
        `Default value for ARG ${from.image} results in empty or invalid base image name`,
        [],
      );
}

/** Where a stage begins, variables expanded. */
export interface Base {
  image: string;
  platform?: string;
}

/** Checks a FROM and gives its base. @throws invalid `dockerfile-invalid` */
export function checkBase(
  file: Dockerfile,
  from: From & Written,
  values: Record<string, string>,
  findings: Findings,
): Base {
  const declared = new Set(file.globals.flatMap(({ args }) => args.map(({ name }) => name)));
  const known = [...declared, ...Object.keys(values)];
  const report = ({ unmatched }: GlobalWord): void => {
    for (const name of unmatched) {
      if (declared.has(name)) continue;
      const near = nearest(name, known);
      const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
      findings.add(rules.undefinedArgInFrom, from, `FROM argument '${name}' is not declared${hint}`);
    }
  };
  const image = globalWord(file, from, from.image, values);
  report(image);
  if (image.text === '') throw misuse(file.source, from.at, `base name (${from.image}) should not be blank`);
  if (from.platform === undefined) return { image: image.text };
  const platform = globalWord(file, from, from.platform, values);
  report(platform);
  checkPlatform(from, from.platform, platform, values, findings);
  return { image: image.text, platform: platform.text };
}

function checkPlatform(
  from: From & Written,
  written: string,
  { text, matched, unmatched }: GlobalWord,
  values: Record<string, string>,
  findings: Findings,
): void {
  if (matched.size === 1 && unmatched.size === 0 && matched.has('TARGETPLATFORM'))
    if (text === own(values, 'TARGETPLATFORM'))
      findings.add(
        rules.redundantTargetPlatform,
        from,
        `Setting platform to predefined ${written} in FROM is redundant as this is the default behavior`,
      );
  if (matched.size > 0 || unmatched.size > 0) return;
  // A stage that is called after its platform means it.
  const { os, architecture } = parsePlatform(text, { os: 'linux', architecture: 'amd64' });
  const name = from.as ?? '';
  if (name.includes(os) || name.includes(architecture)) return;
  const message = `FROM --platform flag should not use constant value "${text}"`;
  findings.add(rules.fromPlatformFlagConstDisallowed, from, message);
}
