import type { Service } from '#domain/app/model.ts';
import type { IngressEntry } from '#domain/ingress/model.ts';
import { readTraefikLabels } from './read-traefik-labels.ts';
import type { Reader } from './reader.ts';

/** The service's `x-berth.ingress`, else what Traefik's labels say, with the service's one port where none is named. */
export function readIngress(service: Service, place: Reader): Pick<Service, 'ingress'> {
  const own = service.ingress;
  const entries = own ?? readTraefikLabels(place.at('labels'));
  if (entries.length === 0) return {};
  const at = own === undefined ? place.at('labels') : place.at('x-berth').at('ingress');
  return { ingress: withPorts(entries, service, at) };
}

function withPorts(
  entries: readonly IngressEntry[],
  service: Pick<Service, 'ports' | 'container'>,
  place: Reader,
): IngressEntry[] {
  const exposed = Object.keys(service.container.ExposedPorts ?? {}).flatMap((key) =>
    key.endsWith('/tcp') ? [Number.parseInt(key, 10)] : [],
  );
  const published = service.ports.flatMap((one) => (one.protocol === 'tcp' ? [one.target] : []));
  const known = [...new Set([...exposed, ...published])];
  const [only] = known;
  if (entries.some((one) => one.port === 0) && (known.length !== 1 || only === undefined))
    place.complain(
      'ingress-invalid',
      known.length === 0
        ? "'port' is missing, and the service exposes none"
        : `'port' is missing, and the service has several: ${known.join(', ')}`,
    );
  return entries.map((one) => (one.port === 0 ? { ...one, port: only ?? 0 } : one));
}
