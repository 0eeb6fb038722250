import type { Service } from '#domain/app/model.ts';
import type { ExtensionKey } from './read-x-berth.ts';

/** `x-berth.refresh: false` of a service: `berth base refresh` leaves what is built for it and its containers as they are. */
export const refreshKey: ExtensionKey<Service> = {
  schema: { type: 'boolean' },
  read: (value) => (value.boolean() === false ? { refresh: false } : {}),
};
