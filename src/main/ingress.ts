import type { Settings } from '#domain/settings/settings.ts';
import { Certificates } from '#engine/ingress/certificates.ts';
import { Ingress } from '#engine/ingress/ingress.ts';
import type { Secrets } from '#engine/secrets/secrets.ts';
import type { Adapters } from '#main/adapters.ts';

/** Constructs what serves requests from outside. */
export function openIngress(
  { ingress: settings }: Settings,
  { store, clock, balancer, certificates: sources }: Adapters,
  secrets: Pick<Secrets, 'value' | 'seals'>,
  report: (problem: string, error: unknown) => void,
): { ingress: Ingress; certificates: Certificates } {
  const certificates = new Certificates({
    ...sources,
    ...{ store, clock, balancer, secrets, report },
    settings: settings.acme,
  });
  return { ingress: new Ingress({ clock, balancer, certificates, settings, secrets, report }), certificates };
}
