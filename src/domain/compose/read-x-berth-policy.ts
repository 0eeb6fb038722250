import type { SchemaObject } from 'ajv';
import type { AppModel, Service } from '#domain/app/model.ts';
import type { Allow, Direction, Peer, Policy, RulePlace } from '#domain/policy/model.ts';
import { readNetworkPolicies } from './read-network-policy.ts';
import { readPolicyPeer, readPolicyPort, policyPeer, policyPort } from './read-policy-peer.ts';
import type { ExtensionContext, ExtensionKey } from './read-x-berth.ts';
import { compact, type Reader } from './reader.ts';

const list = (items: SchemaObject): SchemaObject => ({ type: 'array', items });
const one = (items: SchemaObject): SchemaObject => ({ oneOf: [items, list(items)] });
const word = { enum: ['allow', 'deny'] };
const closed = (properties: Record<string, SchemaObject>): SchemaObject => ({
  type: 'object',
  additionalProperties: false,
  properties,
});
const ports = one(policyPort);
const direction = (end: 'from' | 'to'): SchemaObject => ({
  oneOf: [word, list(closed({ [end]: one(policyPeer), ports }))],
});
const directions = { default: word, ingress: direction('from'), egress: direction('to') };

/** `x-berth.policy` of a service: who may call it, and whom it may call. */
export const servicePolicyKey: ExtensionKey<Service> = {
  schema: closed(directions),
  read: (value, context) => ({ policy: readDirections(value, context, serviceName(value)) }),
};

/** `x-berth.policy` at the top: for every service, with rules between two ends and files of Kubernetes' kind. */
export const appPolicyKey: ExtensionKey<AppModel> = {
  schema: closed({
    ...directions,
    allow: list(closed({ from: one(policyPeer), to: one(policyPeer), ports })),
    files: list({ type: 'string' }),
  }),
  read: (value, context) => ({
    policy: [
      ...readDirections(value, context, undefined),
      ...value
        .at('allow')
        .items()
        .flatMap((item) => readBetween(item, context)),
      ...value
        .at('files')
        .items()
        .flatMap((item) => readFile(item, context)),
    ],
  }),
};

const serviceName = ({ path }: Reader): string => String(path[1] ?? '');

function placeOf({ place: { file, line } }: Reader): RulePlace {
  return { file, line };
}

/** One policy for each place that closes a direction. */
function readDirections(value: Reader, context: ExtensionContext, service: string | undefined): Policy[] {
  const subject = service === undefined ? everyService : { services: [service] };
  const name = service === undefined ? 'x-berth.policy' : `x-berth.policy of ${service}`;
  const usual = value.at('default');
  const named = (['ingress', 'egress'] as const).flatMap((way): Policy[] => {
    const given = value.at(way).present ? value.at(way) : usual;
    if (!given.present) return [];
    return [{ name, at: placeOf(given), subject, [way]: readWay(given, way, context) }];
  });
  return named;
}

const everyService = { labels: { matchLabels: {}, matchExpressions: [] } };

function readWay(value: Reader, way: Direction, context: ExtensionContext): Allow[] {
  if (value.text() === 'deny') return [];
  if (value.text() === 'allow') return [{ at: placeOf(value) }];
  return value.items().map((item) => readAllow(item, way === 'ingress' ? 'from' : 'to', context));
}

function readAllow(item: Reader, end: 'from' | 'to', context: ExtensionContext): Allow {
  return compact<Allow>({
    at: placeOf(item),
    peers: item.at(end).present ? readPeers(item.at(end), end, context) : undefined,
    ports: readPorts(item.at('ports')),
  });
}

function readPorts(value: Reader): Allow['ports'] | undefined {
  return value.present ? eachOf(value).flatMap(readPolicyPort) : undefined;
}

function readPeers(value: Reader, end: 'from' | 'to', context: ExtensionContext): Peer[] {
  return eachOf(value).flatMap((each) => readPolicyPeer(each, end, context));
}

const eachOf = (value: Reader): Reader[] => (value.tree?.kind === 'list' ? value.items() : [value]);

/**
 * `{ from, to, ports }` is about those who are called, when they are of this app, and is added to what the callers may;
 * else about the callers.
 */
function readBetween(item: Reader, context: ExtensionContext): Policy[] {
  const at = placeOf(item);
  const ports = readPorts(item.at('ports'));
  const [from, to] = (['from', 'to'] as const).map((end) =>
    item.at(end).present ? readPeers(item.at(end), end, context) : undefined,
  );
  const callers = ownOf(from, context);
  const called = ownOf(to, context);
  const outside = to?.filter((peer) => ownOf([peer], context).length === 0);
  const inside = to?.filter((peer) => ownOf([peer], context).length > 0) ?? [];
  if (callers.length + called.length === 0)
    item.complain(
      'policy-invalid',
      `neither 'from' nor 'to' names a service of this app: there is nobody that the rule is about`,
    );
  const policies: Policy[] = [];
  const name = 'x-berth.policy.allow';
  const allow = (peers: Peer[] | undefined): Allow => compact<Allow>({ at, peers, ports });
  if (called.length > 0) policies.push({ name, at, subject: { services: called }, ingress: [allow(from)] });
  if (callers.length === 0) return policies;
  const subject = { services: callers };
  if (inside.length > 0) policies.push({ name, at, subject, egress: [allow(inside)], addsOnly: true });
  if (outside === undefined || outside.length > 0)
    policies.push({ name, at, subject, egress: [allow(outside)] });
  return policies;
}

/** Names of this app's services that the peers mean. */
function ownOf(peers: readonly Peer[] | undefined, { app, services }: ExtensionContext): string[] {
  return (peers ?? []).flatMap((peer) => {
    if (peer.kind === 'app' && peer.app === app) return [...services];
    return peer.kind === 'service' && peer.app === app ? [peer.service] : [];
  });
}

function readFile(item: Reader, context: ExtensionContext): Policy[] {
  return context.documents(context.resolve(item.text() ?? '', item), item).flatMap((document) => {
    return readNetworkPolicies(document, context);
  });
}
