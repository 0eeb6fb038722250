import type { AppModel } from '#domain/app/model.ts';
import type { IngressRoute } from './model.ts';

/** Every way from outside into an app. */
export function routesOf({ name, services }: Pick<AppModel, 'name' | 'services'>): IngressRoute[] {
  return Object.values(services).flatMap((service) =>
    (service.ingress ?? []).map((entry) => ({ ...entry, app: name, service: service.name })),
  );
}
