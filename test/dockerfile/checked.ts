import { planBuild } from '#domain/build/plan.ts';
import { checkDockerfile, type CheckedBase } from '#domain/dockerfile/checks/check.ts';
import { outlineOf, targetsOf } from '#domain/dockerfile/outline.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';

const platform = 'linux/amd64';

/** As the oracle's image of every name. */
const everything: CheckedBase = {
  config: { Env: ['PATH=/bin', 'FROM_BASE=base'], WorkingDir: '/' },
  platform: { os: 'linux', architecture: 'amd64' },
};

/** What the checks say of a file, in the words of the oracle. Suggestions differ: theirs are by fixed distance. */
export function checked(text: string): unknown {
  const file = parseDockerfile(text);
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

/** What the last stage takes, and the stages. */
export function outlined(text: string): unknown {
  const file = parseDockerfile(text);
  const request = { args: {}, platform, machine: platform, labels: {} };
  const stages = planBuild(file, request).stages.map(({ index }) => index);
  const {
    name,
    description = '',
    args,
    secrets,
    ssh,
  } = outlineOf(file, {
    ...request,
    stages,
    base: () => everything.config,
  });
  const sorted = (entries: unknown[]): string[] => entries.map((entry) => JSON.stringify(entry)).sort();
  return {
    ...{ name, description },
    args: sorted(args.map((arg) => [arg.line, arg.name, arg.value ?? '', arg.description ?? ''])),
    secrets: sorted(secrets.map((secret) => [secret.line, secret.name, secret.required])),
    ssh: sorted(ssh.map((agent) => [agent.line, agent.name, agent.required])),
  };
}

export function targeted(text: string): unknown {
  const targets = targetsOf(parseDockerfile(text)).map((target) => {
    const { name, description = '', isDefault, base, platform: wanted = '', line } = target;
    return [name, description, isDefault, base, wanted, line];
  });
  return { targets };
}
