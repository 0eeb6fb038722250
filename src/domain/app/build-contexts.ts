import type { Build } from './model.ts';
import { dependencyOrder } from './order.ts';

const ofService = 'service:';

/** The services whose images a service is built from (`additional_contexts: { NAME: service:OTHER }`). */
export function builtFrom(build: Build | undefined): string[] {
  const places = Object.values(build?.more?.contexts ?? {});
  return places.flatMap((place) => serviceIn(place) ?? []);
}

/** The service that a named context stands for; undefined when it is something else. */
export function serviceIn(place: string): string | undefined {
  return place.startsWith(ofService) ? place.slice(ofService.length) : undefined;
}

/** The services so that each comes after those whose images it is built from; or the first cycle of names. */
export function buildOrder(
  services: Iterable<{ name: string; build?: Build }>,
): ReturnType<typeof dependencyOrder> {
  return dependencyOrder(
    Object.fromEntries(Array.from(services, ({ name, build }) => [name, builtFrom(build)])),
  );
}
