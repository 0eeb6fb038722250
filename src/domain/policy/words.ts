import type { LabelSelector, Peer, PolicyPort } from './model.ts';

/** A peer as a person would write it. */
export function formatPeer(peer: Peer): string {
  switch (peer.kind) {
    case 'service':
      return `${peer.app}/${peer.service}`;
    case 'app':
      return `${peer.app}/*`;
    case 'labels':
      return peer.apps === undefined
        ? `services ${formatSelector(peer.services)}`
        : `services ${formatSelector(peer.services)} of apps ${formatSelector(peer.apps)}`;
    case 'cidr':
      return peer.except.length === 0 ? peer.cidr : `${peer.cidr} except ${peer.except.join(', ')}`;
    case 'dns':
      return peer.name;
    case 'host':
    case 'lan':
    case 'world':
      return peer.kind;
  }
}

/** `5432/tcp`, `8000-8010/udp`, `http/tcp` */
export function formatPort(port: PolicyPort): string {
  if ('name' in port) return `${port.name}/${port.protocol}`;
  const { first, last, protocol } = port;
  return `${first === last ? first : `${first}-${last}`}/${protocol}`;
}

function formatSelector({ matchLabels, matchExpressions }: LabelSelector): string {
  const words = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values }) => {
      if (operator === 'Exists') return key;
      if (operator === 'DoesNotExist') return `!${key}`;
      return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(', ')})`;
    }),
  ];
  return words.length === 0 ? '(all)' : words.join(',');
}
