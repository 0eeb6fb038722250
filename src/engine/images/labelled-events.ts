import type { Image } from '#domain/image/image.ts';
import type { Events } from '#engine/contracts.ts';

/** Events that tell an image's labels, too, as Docker's do: clients filter by them. @param find by id or name */
export function labelledEvents(events: Events, find: (name: string) => Image | undefined): Events {
  return {
    emit: (type, action, id, attributes) => {
      const labels = type === 'image' && id !== '' ? find(id)?.config.config?.Labels : undefined;
      events.emit(type, action, id, { ...labels, ...attributes });
    },
    read: (request) => events.read(request),
  };
}
