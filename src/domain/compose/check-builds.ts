import { buildOrder, builtFrom } from '#domain/app/build-contexts.ts';
import type { Service } from '#domain/app/model.ts';
import type { Reader } from './reader.ts';

/** Services whose images others are built from must be there, and none may be built from itself. */
export function checkBuilds(root: Reader, services: Readonly<Record<string, Service>>): void {
  const contextsOf = (name: string): Reader =>
    root.at('services').at(name).at('build').at('additional_contexts');
  for (const { name, build } of Object.values(services))
    for (const other of builtFrom(build))
      if (!Object.hasOwn(services, other))
        contextsOf(name).complain(
          'compose-undefined-reference',
          `the service '${other}' is not defined, or not active`,
        );
  const result = buildOrder(Object.values(services));
  if (!('cycle' in result)) return;
  const circle = result.cycle.join(' -> ');
  contextsOf(result.cycle[0] ?? '').complain(
    'compose-dependency-cycle',
    `services are built from each other's images in a circle: ${circle}`,
  );
}
