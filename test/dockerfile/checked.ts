import { checkDockerfile, type CheckedBase } from '#domain/dockerfile/checks/check.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';

/** As the oracle's image of every name. */
const everything: CheckedBase = {
  config: { Env: ['PATH=/bin', 'FROM_BASE=base'], WorkingDir: '/' },
  platform: { os: 'linux', architecture: 'amd64' },
};

/** What the checks say of a file, in the words of the oracle. Suggestions differ: theirs are by fixed distance. */
export function checked(text: string): unknown {
  const file = parseDockerfile(text);
  const platform = 'linux/amd64';
  const request = { args: {}, platform, machine: platform, base: () => everything };
  const { warnings, failure } = checkDockerfile(file, request);
  const found = warnings.map(({ rule, description, url, message, at }) =>
    JSON.stringify([at.line, rule, withoutHint(message), description, url]),
  );
  return failure === undefined ? { warnings: found.sort() } : { failed: true };
}

export function withoutHint(message: string): string {
  return message.replace(/ \(did you mean .*\?\)$/, '');
}
