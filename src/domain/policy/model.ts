/** Where a policy or one of its rules stands, for people. */
export interface RulePlace {
  file: string;
  /** From 1; 0: it is not in a file of the app, and `file` says where else. */
  line: number;
}

export type Direction = 'ingress' | 'egress';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** Ports of the end that is called, inside its containers; a name is that of a port of the service. */
export type PolicyPort =
  { protocol: Protocol; first: number; last: number } | { protocol: Protocol; name: string };

/** As Kubernetes' LabelSelector; an empty one selects everything. */
export interface LabelSelector {
  matchLabels: Record<string, string>;
  matchExpressions: {
    key: string;
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    values: string[];
  }[];
}

/** The other end of what a rule allows. */
export type Peer =
  | { kind: 'service'; app: string; service: string }
  | { kind: 'app'; app: string }
  /** Of the policy's own app, unless `apps` selects others. */
  | { kind: 'labels'; services: LabelSelector; apps?: LabelSelector }
  | { kind: 'cidr'; cidr: string; except: string[] }
  /** Its addresses as the resolver of containers gives them; `*.example.com` for all below. Egress only. */
  | { kind: 'dns'; name: string }
  /** This machine. It reaches its containers always, for probes and ingress. */
  | { kind: 'host' }
  /** Private addresses outside (RFC 1918, 4193, link-local, carrier-grade NAT). */
  | { kind: 'lan' }
  /** Whatever is neither on this machine nor in one of its container networks. */
  | { kind: 'world' };

/** One thing that is allowed. */
export interface Allow {
  at: RulePlace;
  /** Absent: anyone. */
  peers?: Peer[];
  /** Absent: every port, and protocols without ports. */
  ports?: PolicyPort[];
}

/** It closes each direction that it has for the services that it selects, but for what it and others allow. */
export interface Policy {
  name: string;
  at: RulePlace;
  /** Services of its app by name, or by labels. */
  subject: { services: string[] } | { labels: LabelSelector };
  ingress?: Allow[];
  egress?: Allow[];
  /** It only adds where another policy has closed the direction. */
  addsOnly?: true;
}

export const exposureWords = ['private', 'lan', 'public'] as const;

/** Who reaches ports of the host that lead to a service: this machine, private addresses too, everyone. */
export type ExposureWord = (typeof exposureWords)[number];

export interface Exposure {
  word: ExposureWord;
  at: RulePlace;
}

export function isExposureWord(text: string): text is ExposureWord {
  return exposureWords.some((word) => word === text);
}

/** Of `lan`. */
export const lanSubnets = [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '100.64.0.0/10'],
  ...['fc00::/7', 'fe80::/10'],
];

export function formatPlace({ file, line }: RulePlace): string {
  return line === 0 ? file : `${file}:${line}`;
}
