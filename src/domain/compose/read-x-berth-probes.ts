import type { SchemaObject } from 'ajv';
import type { Service } from '#domain/app/model.ts';
import { probeRoles, type Probe, type ProbeAction, type Probes } from '#domain/container/probe.ts';
import type { ExtensionKey } from './read-x-berth.ts';
import type { Reader } from './reader.ts';

const actions = ['exec', 'http', 'tcp', 'grpc'] as const;
const port = { type: 'integer', minimum: 1, maximum: 65_535 };
const duration = { type: ['string', 'number'] };
const threshold = { type: 'integer', minimum: 1 };
const closed = (properties: Record<string, SchemaObject>, ...required: string[]): SchemaObject => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});

const probe = closed({
  exec: { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] },
  http: closed(
    {
      path: { type: 'string', pattern: '^/' },
      port,
      scheme: { enum: ['http', 'https'] },
      headers: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
    },
    'port',
  ),
  tcp: closed({ port }, 'port'),
  grpc: closed({ port, service: { type: 'string' } }, 'port'),
  initial_delay: duration,
  period: duration,
  timeout: duration,
  success_threshold: threshold,
  failure_threshold: threshold,
});

/** `x-berth.probes` of a service, with Kubernetes' fields and defaults; they take the place of its health check. */
export const probesKey: ExtensionKey<Service> = {
  schema: { ...closed(Object.fromEntries(probeRoles.map((role) => [role, probe]))), minProperties: 1 },
  read: (value) => ({ probes: readProbes(value) }),
};

function readProbes(value: Reader): Probes {
  const probes: Probes = {};
  for (const role of probeRoles) {
    const one = value.at(role);
    if (!one.present) continue;
    const read = readProbe(one);
    if (read === undefined) continue;
    probes[role] = read;
    if (role !== 'readiness' && read.successThreshold !== 1)
      one
        .at('success_threshold')
        .complain('compose-invalid-value', `found ${read.successThreshold}, required is 1 for ${role}`);
  }
  return probes;
}

/** Defaults of Kubernetes' core/v1 Probe. */
function readProbe(one: Reader): Probe | undefined {
  const kinds = actions.filter((kind) => one.at(kind).present);
  const [kind, second] = kinds;
  if (kind === undefined || second !== undefined) {
    const found = kinds.length === 0 ? 'none' : kinds.join(' and ');
    one.complain('compose-invalid-value', `found ${found}, required is one of exec, http, tcp and grpc`);
    return undefined;
  }
  return {
    action: readAction(kind, one.at(kind)),
    initialDelay: milliseconds(one.at('initial_delay'), 0),
    period: Math.max(milliseconds(one.at('period'), 10_000), shortest),
    timeout: Math.max(milliseconds(one.at('timeout'), 1000), shortest),
    successThreshold: one.at('success_threshold').integer() ?? 1,
    failureThreshold: one.at('failure_threshold').integer() ?? 3,
  };
}

/** Looking more often than this would cost more than it tells. */
const shortest = 10;

function milliseconds(value: Reader, otherwise: number): number {
  const seconds = value.seconds();
  return seconds === undefined ? otherwise : seconds * 1000;
}

function readAction(kind: (typeof actions)[number], value: Reader): ProbeAction {
  if (kind === 'exec')
    return {
      kind,
      command: value.tree?.kind === 'list' ? value.texts() : ['/bin/sh', '-c', value.text() ?? ''],
    };
  const number = value.at('port').integer() ?? 0;
  if (kind === 'tcp') return { kind, port: number };
  if (kind === 'grpc') return { kind, port: number, service: value.at('service').text() ?? '' };
  return {
    kind,
    port: number,
    path: value.at('path').text() ?? '/',
    scheme: value.at('scheme').oneOf(['http', 'https'] as const) ?? 'http',
    headers: Object.entries(value.at('headers').record()),
  };
}
