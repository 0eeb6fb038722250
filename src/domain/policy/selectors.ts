import type { LabelSelector, Peer, Policy } from './model.ts';
import type { PolicedService } from './world.ts';

/** Kubernetes' meaning (labels concept, "Label selectors"): all requirements must hold. */
export function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const has = (key: string): boolean => Object.hasOwn(labels, key);
  const isOneOf = (key: string, values: readonly string[]): boolean =>
    has(key) && values.includes(labels[key] ?? '');
  return (
    Object.entries(selector.matchLabels).every(([key, value]) => isOneOf(key, [value])) &&
    selector.matchExpressions.every(({ key, operator, values }) => {
      switch (operator) {
        case 'In':
          return isOneOf(key, values);
        case 'NotIn':
          return !isOneOf(key, values);
        case 'Exists':
          return has(key);
        case 'DoesNotExist':
          return !has(key);
      }
    })
  );
}

/** Whether a policy is about a service of its own app. */
export function selects(
  policy: Policy,
  service: { service: string; labels: Record<string, string> },
): boolean {
  const { subject } = policy;
  return 'services' in subject
    ? subject.services.includes(service.service)
    : matchesLabels(subject.labels, service.labels);
}

/** Whether a service is meant by a peer of a policy of the app `own`. */
export function isPeer(peer: Peer, own: string, other: PolicedService): boolean {
  switch (peer.kind) {
    case 'service':
      return peer.app === other.app && peer.service === other.service;
    case 'app':
      return peer.app === other.app;
    case 'labels': {
      const isApp =
        peer.apps === undefined ? other.app === own : matchesLabels(peer.apps, appLabels(other.app));
      return isApp && matchesLabels(peer.services, other.labels);
    }
    default:
      return false;
  }
}

/** What `namespaceSelector` sees of an app. */
export function appLabels(app: string): Record<string, string> {
  return { 'kubernetes.io/metadata.name': app, 'berth.app': app };
}

/** Whether a name that a container asked for is meant: `*.example.com` is all below `example.com`, not itself. */
export function matchesName(pattern: string, name: string): boolean {
  const asked = name.toLowerCase().replace(/\.$/, '');
  return pattern.startsWith('*.') ? asked.endsWith(pattern.slice(1)) : asked === pattern;
}
