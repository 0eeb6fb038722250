import type { Container } from '#domain/container/container.ts';
import { tagText } from '#domain/container/log-tag.ts';

/**
 * What `docker logs --details` shows of each line: labels and variables that the log options `labels`, `env` and
 * their regular expressions name, and the tag; sorted, and escaped as Docker's.
 */
export function logDetails(container: Container): string {
  const found = chosenAttributes(container);
  const { tag } = container.hostConfig.LogConfig?.Config ?? {};
  if (tag) found.set('tag', tagText(tag, container));
  return [...found]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map((pair) => pair.map(escaped).join('='))
    .join(',');
}

/** Labels and variables that the log options choose. */
export function chosenAttributes({ config, hostConfig }: Container): Map<string, string> {
  const options = hostConfig.LogConfig?.Config ?? {};
  const labels = Object.entries(config.Labels ?? {});
  const variables = (config.Env ?? []).map((entry): [string, string] => {
    const [name = '', ...value] = entry.split('=');
    return [name, value.join('=')];
  });
  return new Map([
    ...chosen(labels, options['labels'], options['labels-regex']),
    ...chosen(variables, options['env'], options['env-regex']),
  ]);
}

function chosen(
  all: [string, string][],
  names: string | undefined,
  pattern: string | undefined,
): [string, string][] {
  const listed = new Set((names ?? '').split(',').filter((name) => name !== ''));
  const matching = pattern ? new RegExp(pattern) : undefined;
  return all.filter(([name]) => listed.has(name) || matching?.test(name) === true);
}

/** As Go's url.QueryEscape. */
function escaped(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
