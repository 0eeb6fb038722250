import type { AppModel, Service } from '#domain/app/model.ts';
import type { Allow, Policy } from '#domain/policy/model.ts';
import { policedServices, type PolicedService } from '#domain/policy/world.ts';
import type { Reader } from './reader.ts';

// What can be seen only when all services have been read: each complaint stands where the rule does.

/** Complains about policies that could not be kept. */
export function checkPolicies(model: AppModel, root: Reader): void {
  const services = policedServices(model);
  const policies = new Set([...(model.policy ?? []), ...Object.values(model.services).flatMap(policiesOf)]);
  for (const policy of policies) {
    for (const { service, policies: own } of services)
      if (own.includes(policy)) checkReach(model.services[service], policy, root);
    const selected = services.filter((one) => one.policies.includes(policy));
    for (const allow of policy.ingress ?? []) checkNamed(allow, selected, root);
    for (const allow of policy.egress ?? []) checkCalled(allow, root);
  }
}

const policiesOf = ({ policy }: Service): Policy[] => policy ?? [];

/** The packets of these pass no rule of ours. */
function checkReach(service: Service | undefined, { at, name }: Policy, root: Reader): void {
  const mode = service?.networkMode;
  // Who joins the namespace of another service has its address.
  const isReached = mode !== 'host' && mode?.startsWith('container:') !== true;
  if (service === undefined || isReached) return;
  const message = `${name} is about the service ${service.name}, whose network_mode '${mode}' no policy reaches`;
  root.complainAt({ ...at, column: 1 }, 'policy-unenforceable', message);
}

function checkNamed({ ports = [], at }: Allow, selected: readonly PolicedService[], root: Reader): void {
  for (const port of ports) {
    if (!('name' in port)) continue;
    const isKnown = selected.some((one) => one.ports.some(({ name }) => name === port.name));
    const message = `no service that the policy selects has a port named '${port.name}'`;
    if (!isKnown) root.complainAt({ ...at, column: 1 }, 'policy-invalid', message);
  }
}

/** A name is that of a port of a service. */
function checkCalled({ peers, ports = [], at }: Allow, root: Reader): void {
  const [named] = ports.filter((port) => 'name' in port);
  const isOfServices = peers?.every(({ kind }) => ['service', 'app', 'labels'].includes(kind)) === true;
  if (named === undefined || isOfServices) return;
  const message = `the port '${named.name}' is named, and only services have named ports: required is a number here`;
  root.complainAt({ ...at, column: 1 }, 'policy-invalid', message);
}
