import type { AppModel } from '#domain/app/model.ts';
import type { IngressEntry, IngressRoute } from './model.ts';

/** Every way from outside into an app. */
export function routesOf({
  name,
  services,
  secrets,
}: Pick<AppModel, 'name' | 'services' | 'secrets'>): IngressRoute[] {
  return Object.values(services).flatMap((service) =>
    (service.ingress ?? []).map((entry) => ({
      ...withVersion(entry, secrets),
      app: name,
      service: service.name,
    })),
  );
}

/** Another version of a secret makes another route. */
function withVersion(entry: IngressEntry, secrets: AppModel['secrets']): IngressEntry {
  const { users } = entry.shape;
  if (users === undefined || !('secret' in users)) return entry;
  const stored = secrets[users.secret]?.stored;
  if (stored === undefined) return entry;
  return { ...entry, shape: { ...entry.shape, users: { ...users, stored } } };
}
