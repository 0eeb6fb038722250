import type { AppModel, Port, Service } from '#domain/app/model.ts';
import type { Exposure, Policy } from '#domain/policy/model.ts';
import type { ExtensionKey } from './read-x-berth.ts';
import type { Reader } from './reader.ts';

const words = ['private', 'lan', 'public'] as const;
const schema = { enum: words };

/** `x-berth.exposure` of a service: who reaches the ports that it publishes. */
export const serviceExposureKey: ExtensionKey<Service> = { schema, read: (value) => readExposure(value) };

/** At the top: of services that do not say it themselves. */
export const appExposureKey: ExtensionKey<AppModel> = { schema, read: (value) => readExposure(value) };

function readExposure(value: Reader): { exposure?: Exposure } {
  const word = value.oneOf(words);
  if (word === undefined) return {};
  const { file, line } = value.place;
  return { exposure: { word, at: { file, line } } };
}

/** What follows from it for the ports and policies of a service. */
export function withExposure(app: string, service: Service, usual: Exposure | undefined): Service {
  const exposure = service.exposure ?? usual;
  if (exposure === undefined || service.ports.length === 0) return service;
  switch (exposure.word) {
    case 'public':
      return service;
    case 'private':
      return { ...service, ports: service.ports.map(onLoopback) };
    case 'lan':
      return { ...service, policy: [...(service.policy ?? []), lanOnly(app, service.name, exposure)] };
  }
}

/** An address that the port itself names holds. */
function onLoopback(port: Port): Port {
  return port.hostIp === '' ? { ...port, hostIp: '127.0.0.1' } : port;
}

function lanOnly(app: string, service: string, { at }: Exposure): Policy {
  const peers = [{ kind: 'app', app } as const, { kind: 'lan' } as const];
  return { name: 'x-berth.exposure', at, subject: { services: [service] }, ingress: [{ at, peers }] };
}
