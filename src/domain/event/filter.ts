import { hasLabel } from '#domain/filter/label.ts';
import type { EngineEvent, EventType } from '#domain/event/event.ts';

/** The keys that `docker events --filter` knows. */
export const eventFilterKeys = [
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'scope',
  'type',
  'volume',
  'app',
] as const;

const actors: readonly EventType[] = ['container', 'daemon', 'image', 'network', 'volume', 'app'];

/** Values of one key are alternatives; keys must all hold (Docker Engine API, SystemEvents). */
export function eventMatches(event: EngineEvent, filters: ReadonlyMap<string, readonly string[]>): boolean {
  return [...filters].every(([key, values]) => {
    if (key === 'type') return values.includes(event.type);
    if (key === 'event') return values.some((value) => isAction(event.action, value));
    if (key === 'label') return values.every((value) => hasLabel(event.attributes, value));
    if (key === 'scope') return values.includes('local');
    const actor = actors.find((type) => type === key);
    return actor !== undefined && values.some((value) => isAbout(event, actor, value));
  });
}

/** `health_status` also finds `health_status: healthy`. */
function isAction(action: string, wanted: string): boolean {
  return action === wanted || action.startsWith(`${wanted}:`);
}

function isAbout(event: EngineEvent, actor: EventType, value: string): boolean {
  // An image's containers count as being about the image, as with Docker.
  if (actor === 'image' && event.type === 'container')
    return withoutTag(event.attributes['image']) === withoutTag(value);
  if (event.type !== actor) return false;
  const names = [event.id, event.attributes['name']];
  if (actor === 'image') return names.some((name) => name === value || withoutTag(name) === value);
  return names.includes(value) || (value.length >= 4 && event.id.startsWith(value));
}

function withoutTag(name: string | undefined): string | undefined {
  return name?.replace(/:[^/:]+$/, '');
}
