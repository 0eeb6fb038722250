import type { AppModel } from '#domain/app/model.ts';
import type { Allow, LabelSelector, Peer, Policy } from '#domain/policy/model.ts';

// Kubernetes' NetworkPolicy as its documentation tells it, one sentence after the other, on plain lists. It shares nothing
// with what it is compared to.

/** Someone at one end of a connection. */
export interface Party {
  name: string;
  address: string;
  /** A replica of a service; else `world`, or a container of no app. */
  app?: string;
  service?: string;
  labels?: Record<string, string>;
  /** By name. */
  ports?: Record<string, number>;
  isWorld?: boolean;
}

export function passes(models: AppModel[], from: Party, to: Party, port: number): boolean {
  if (from.name === to.name) return true;
  return mayCall(models, from, to, port) && mayBeCalled(models, from, to, port);
}

function mayCall(models: AppModel[], from: Party, to: Party, port: number): boolean {
  const about = policiesAbout(models, from);
  if (!about.some((policy) => policy.egress !== undefined && policy.addsOnly === undefined)) return true;
  for (const policy of about)
    for (const allow of policy.egress ?? [])
      if (isAnyPeer(allow, from.app ?? '', to) && isAnyPort(allow, to, port)) return true;
  return false;
}

function mayBeCalled(models: AppModel[], from: Party, to: Party, port: number): boolean {
  if (to.app === undefined) return true;
  const about = policiesAbout(models, to);
  if (!about.some((policy) => policy.ingress !== undefined && policy.addsOnly === undefined))
    return from.app === undefined || from.app === to.app;
  for (const policy of about)
    for (const allow of policy.ingress ?? [])
      if (isAnyPeer(allow, to.app, from) && isAnyPort(allow, to, port)) return true;
  return false;
}

function policiesAbout(models: AppModel[], party: Party): Policy[] {
  const model = models.find((one) => one.name === party.app);
  if (model === undefined) return [];
  const all = [...(model.policy ?? [])];
  for (const service of Object.values(model.services)) all.push(...(service.policy ?? []));
  return all.filter((policy) => {
    if ('services' in policy.subject) return policy.subject.services.includes(party.service ?? '');
    return hasLabels(policy.subject.labels, party.labels ?? {});
  });
}

function isAnyPeer(allow: Allow, ownApp: string, party: Party): boolean {
  if (allow.peers === undefined) return true;
  for (const peer of allow.peers) if (isPeer(peer, ownApp, party)) return true;
  return false;
}

function isPeer(peer: Peer, ownApp: string, party: Party): boolean {
  if (peer.kind === 'world') return party.isWorld === true;
  if (peer.kind === 'lan') return party.isWorld === true && party.address.startsWith('192.168.');
  if (peer.kind === 'service') return party.app === peer.app && party.service === peer.service;
  if (peer.kind === 'app') return party.app === peer.app;
  if (peer.kind === 'cidr') {
    if (!isWithin(party.address, peer.cidr)) return false;
    for (const except of peer.except) if (isWithin(party.address, except)) return false;
    return true;
  }
  if (peer.kind !== 'labels' || party.app === undefined) return false;
  const namespace = { 'kubernetes.io/metadata.name': party.app };
  const inNamespace = peer.apps === undefined ? party.app === ownApp : hasLabels(peer.apps, namespace);
  return inNamespace && hasLabels(peer.services, party.labels ?? {});
}

function isAnyPort(allow: Allow, called: Party, port: number): boolean {
  if (allow.ports === undefined) return true;
  for (const one of allow.ports) {
    if (one.protocol !== 'tcp') continue;
    if ('name' in one) {
      if (called.ports?.[one.name] === port) return true;
    } else if (port >= one.first && port <= one.last) return true;
  }
  return false;
}

function hasLabels(selector: LabelSelector, labels: Record<string, string>): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels)) if (labels[key] !== value) return false;
  for (const { key, operator, values } of selector.matchExpressions) {
    const value = labels[key];
    const isIn = value !== undefined && values.includes(value);
    if (operator === 'In' && !isIn) return false;
    if (operator === 'NotIn' && isIn) return false;
    if (operator === 'Exists' && value === undefined) return false;
    if (operator === 'DoesNotExist' && value !== undefined) return false;
  }
  return true;
}

/** Compared bit by bit, as texts. */
function isWithin(address: string, cidr: string): boolean {
  const [base = '', length = '32'] = cidr.split('/');
  const bits = (text: string): string =>
    text
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  return bits(address).slice(0, Number(length)) === bits(base).slice(0, Number(length));
}
