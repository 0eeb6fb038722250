import type { AppModel, Port, Service } from '#domain/app/model.ts';
import { exposureWords, type Allow, type Exposure, type Policy } from '#domain/policy/model.ts';
import type { ExtensionKey } from './read-x-berth.ts';
import type { Reader } from './reader.ts';

const schema = { enum: exposureWords };

/** `x-berth.exposure` of a service: who reaches the ports that it publishes. */
export const serviceExposureKey: ExtensionKey<Service> = { schema, read: (value) => readExposure(value) };

/** At the top: of services that do not say it themselves. */
export const appExposureKey: ExtensionKey<AppModel> = { schema, read: (value) => readExposure(value) };

function readExposure(value: Reader): { exposure?: Exposure } {
  const word = value.oneOf(exposureWords);
  if (word === undefined) return {};
  const { file, line } = value.place;
  return { exposure: { word, at: { file, line } } };
}

export interface ExposureContext {
  /** Of the app: for services that do not say it. */
  usual: Exposure | undefined;
  /** The machine's, for ports without an address where neither service nor app say it. */
  standard: Exposure | undefined;
  /** Whether a policy says who may call the service: then exposure opens nothing beyond it to everyone. */
  isClosed: boolean;
}

/** What follows from it for the ports and policies of a service. What a port says itself comes first. */
export function withExposure(app: string, service: Service, context: ExposureContext): Service {
  if (service.ports.length === 0) return service;
  const said = service.exposure ?? context.usual;
  const judged = service.ports.map(({ exposure, ...port }) => {
    const standard = port.hostIp === '' ? context.standard : undefined;
    return { port, exposure: exposure ?? said ?? standard };
  });
  const ports = judged.map(({ port, exposure }) => (exposure?.word === 'private' ? onLoopback(port) : port));
  const lan = judged.find(({ exposure }) => exposure?.word === 'lan')?.exposure;
  if (lan === undefined) return { ...service, ports };
  const open = judged.filter(({ exposure }) => (exposure?.word ?? 'public') === 'public');
  const others = context.isClosed ? [] : open.map(({ port }) => port);
  return { ...service, ports, policy: [...(service.policy ?? []), lanOnly(app, service.name, lan, others)] };
}

/** An address that the port itself names holds. */
function onLoopback(port: Port): Port {
  return port.hostIp === '' ? { ...port, hostIp: '127.0.0.1' } : port;
}

/** @param others ports of the service that everyone reaches */
function lanOnly(app: string, service: string, { at }: Exposure, others: readonly Port[]): Policy {
  const near: Allow = { at, peers: [{ kind: 'app', app }, { kind: 'lan' }] };
  const ports = others.map(({ target, protocol }) => ({ protocol, first: target, last: target }));
  const far: Allow = { at, peers: [{ kind: 'world' }], ports };
  const ingress = others.length === 0 ? [near] : [near, far];
  return { name: 'x-berth.exposure', at, subject: { services: [service] }, ingress };
}
