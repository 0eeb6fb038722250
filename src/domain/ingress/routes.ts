import type { AppModel } from '#domain/app/model.ts';
import type { IngressEntry, IngressRoute, IngressSecret } from './model.ts';

/** Every way from outside into an app. */
export function routesOf({
  name,
  services,
  secrets,
}: Pick<AppModel, 'name' | 'services' | 'secrets'>): IngressRoute[] {
  return Object.values(services).flatMap((service) =>
    (service.ingress ?? []).map((entry) => ({
      ...withVersions(entry, secrets),
      app: name,
      service: service.name,
    })),
  );
}

/** Another version of a secret makes another route. */
function withVersions(entry: IngressEntry, secrets: AppModel['secrets']): IngressEntry {
  const versioned = (one: IngressSecret): IngressSecret => {
    const stored = secrets[one.secret]?.stored;
    return stored === undefined ? one : { ...one, stored };
  };
  const { certificate: own, shape } = entry;
  const users = shape.users !== undefined && 'secret' in shape.users ? versioned(shape.users) : undefined;
  return {
    ...entry,
    ...(own !== undefined && 'certificate' in own
      ? { certificate: { certificate: versioned(own.certificate), key: versioned(own.key) } }
      : {}),
    ...(users === undefined ? {} : { shape: { ...shape, users } }),
  };
}

/** Keys of the secrets that it needs. */
export function secretsOf({ certificate: own, shape: { users } }: IngressEntry): string[] {
  return [
    ...(users !== undefined && 'secret' in users ? [users.secret] : []),
    ...(own !== undefined && 'certificate' in own ? [own.certificate.secret, own.key.secret] : []),
  ];
}
