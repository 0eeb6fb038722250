import type { Dependency } from '#domain/app/model.ts';
import type { Reader } from './reader.ts';

const conditions: Record<string, Dependency['condition'] | undefined> = {
  service_started: 'started',
  service_healthy: 'healthy',
  service_completed_successfully: 'completed',
};

/** `depends_on`, and what `links` and `volumes_from` imply. */
export function readDependencies(service: Reader): Dependency[] {
  const dependsOn = service.at('depends_on');
  const started = { condition: 'started', required: true } as const;
  const found = [
    ...dependsOn.texts().map((name): Dependency => ({ service: name, ...started, restart: false })),
    ...dependsOn.entries().map(([name, one]): Dependency => ({
      service: name,
      condition: conditions[one.at('condition').text() ?? ''] ?? 'started',
      required: one.at('required').boolean() ?? true,
      restart: one.at('restart').boolean() ?? false,
    })),
  ];
  const implied = [
    ...service
      .at('links')
      .texts()
      .map((link): Dependency => ({ service: nameOf(link), ...started, restart: true })),
    ...service
      .at('volumes_from')
      .texts()
      .filter((source) => !source.startsWith('container:'))
      .map((source): Dependency => ({ service: nameOf(source), ...started, restart: false })),
  ];
  const all = new Map(implied.map((one) => [one.service, one]));
  for (const one of found) all.set(one.service, one);
  return [...new Set([...found.map((one) => one.service), ...all.keys()])].flatMap(
    (name) => all.get(name) ?? [],
  );
}

function nameOf(text: string): string {
  return text.split(':')[0] ?? '';
}

/** `links` and `external_links` as NAME:ALIAS. */
export function readLinks(service: Reader): string[] | undefined {
  const links = [...service.at('links').texts(), ...service.at('external_links').texts()];
  const all = links.map((link) => (link.includes(':') ? link : `${link}:${link}`));
  return all.length === 0 ? undefined : all;
}
