import { nearest } from '#base/nearest.ts';
import type { Allow, Direction, LabelSelector, Peer, Policy, PolicyPort } from '#domain/policy/model.ts';
import { readCidr } from './read-policy-peer.ts';
import type { ExtensionContext } from './read-x-berth.ts';
import { compact, type Reader } from './reader.ts';

// Kubernetes' NetworkPolicy (networking.k8s.io/v1). A pod is a container of a service, its labels are the service's, and
// a namespace is an app. What has no meaning here is refused by name.

/** The policies of one YAML document: a NetworkPolicy, or a list of them. */
export function readNetworkPolicies(document: Reader, context: ExtensionContext): Policy[] {
  const kind = document.at('kind').text();
  if (kind === 'NetworkPolicyList' || kind === 'List')
    return document
      .at('items')
      .items()
      .flatMap((item) => readNetworkPolicies(item, context));
  if (kind !== 'NetworkPolicy' || document.at('apiVersion').text() !== 'networking.k8s.io/v1') {
    const found = `${document.at('apiVersion').text() ?? 'no apiVersion'} ${kind ?? 'no kind'}`;
    document.complain(
      'network-policy-invalid',
      `found ${found}, required is networking.k8s.io/v1 NetworkPolicy`,
    );
    return [];
  }
  known(document, ['apiVersion', 'kind', 'metadata', 'spec', 'status']);
  const metadata = document.at('metadata');
  const namespace = metadata.at('namespace').text();
  if (namespace !== undefined && namespace !== context.app)
    metadata
      .at('namespace')
      .complain(
        'network-policy-invalid',
        `the policy is of the namespace '${namespace}', and this is the app ${context.app}`,
        "a namespace is an app: leave 'namespace' out, or name the app",
      );
  return readSpec(document.at('spec'), metadata.at('name').text() ?? 'unnamed');
}

function readSpec(spec: Reader, name: string): Policy[] {
  known(spec, ['podSelector', 'policyTypes', 'ingress', 'egress']);
  const types = spec.at('policyTypes').items();
  for (const one of types)
    if (!['Ingress', 'Egress'].includes(one.text() ?? ''))
      one.complain('network-policy-invalid', `found '${one.text() ?? ''}', required is Ingress or Egress`);
  const given = types.map((one) => one.text());
  const isOf = (way: 'Ingress' | 'Egress', usual: boolean): boolean =>
    spec.at('policyTypes').present ? given.includes(way) : usual;
  const { file, line } = spec.at('podSelector').place;
  return [
    compact<Policy>({
      name: `NetworkPolicy ${name}`,
      at: { file, line },
      subject: { labels: readSelector(spec.at('podSelector')) },
      ingress: isOf('Ingress', true) ? readRules(spec.at('ingress'), 'ingress') : undefined,
      egress: isOf('Egress', spec.at('egress').present) ? readRules(spec.at('egress'), 'egress') : undefined,
    }),
  ];
}

function readRules(rules: Reader, way: Direction): Allow[] {
  const end = way === 'ingress' ? 'from' : 'to';
  return rules.items().map((rule) => {
    known(rule, [end, 'ports']);
    const { file, line } = rule.place;
    // As in Kubernetes, an empty list is as good as none.
    const peers = rule.at(end).items();
    const ports = rule.at('ports').items();
    return compact<Allow>({
      at: { file, line },
      peers: peers.length === 0 ? undefined : peers.flatMap(readPeer),
      ports: ports.length === 0 ? undefined : ports.flatMap((port) => readPort(port)),
    });
  });
}

function readPeer(peer: Reader): Peer[] {
  known(peer, ['podSelector', 'namespaceSelector', 'ipBlock']);
  const block = peer.at('ipBlock');
  const pods = peer.at('podSelector');
  const namespaces = peer.at('namespaceSelector');
  if (block.present) {
    known(block, ['cidr', 'except']);
    if (pods.present || namespaces.present)
      block.complain(
        'network-policy-invalid',
        'ipBlock stands alone: a peer is either a block or selected by labels',
      );
    return readCidr(block.at('cidr'), block.at('cidr').text() ?? '', block.at('except').items());
  }
  if (pods.tree === undefined && namespaces.tree === undefined) {
    peer.complain('network-policy-invalid', 'required is podSelector, namespaceSelector or ipBlock');
    return [];
  }
  return [
    compact<Peer & { kind: 'labels' }>({
      kind: 'labels',
      services: readSelector(pods),
      apps: namespaces.tree === undefined ? undefined : readSelector(namespaces),
    }),
  ];
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

function readSelector(selector: Reader): LabelSelector {
  known(selector, ['matchLabels', 'matchExpressions']);
  return {
    matchLabels: selector.at('matchLabels').record(),
    matchExpressions: selector
      .at('matchExpressions')
      .items()
      .map((one) => {
        known(one, ['key', 'operator', 'values']);
        const operator = one.at('operator').oneOf(operators) ?? 'Exists';
        return { key: one.at('key').text() ?? '', operator, values: one.at('values').texts() };
      }),
  };
}

function readPort(value: Reader): PolicyPort[] {
  known(value, ['protocol', 'port', 'endPort']);
  const word = value.at('protocol').oneOf(['TCP', 'UDP', 'SCTP'] as const) ?? 'TCP';
  const protocol = ({ TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const)[word];
  const port = value.at('port').text();
  const end = value.at('endPort').integer();
  if (port === undefined) return [{ protocol, first: 1, last: 65_535 }];
  const isName = !/^\d+$/.test(port);
  if (isName && end === undefined) return [{ protocol, name: port }];
  const first = Number(port);
  const last = end ?? first;
  if (!isName && first >= 1 && last <= 65_535 && first <= last) return [{ protocol, first, last }];
  const found = `port ${port}${end === undefined ? '' : `, endPort ${end}`}`;
  value.complain(
    'network-policy-invalid',
    `found ${found}, required are numbers from 1 to 65535, the end not before the start`,
  );
  return [];
}

function known(value: Reader, keys: readonly string[]): void {
  for (const [key, each] of value.entries()) {
    if (keys.includes(key)) continue;
    const near = nearest(key, keys);
    each.complain(
      'network-policy-unsupported',
      `'${key}' is not honoured`,
      near === undefined ? undefined : `did you mean '${near}'?`,
    );
  }
}
