import { formatSubnet, isAddress, parseSubnet } from '#domain/network/cidr.ts';
import { isKind } from '#base/errors.ts';
import { nearest } from '#base/nearest.ts';
import type { Peer, PolicyPort, Protocol } from '#domain/policy/model.ts';
import type { ExtensionContext } from './read-x-berth.ts';
import type { Reader } from './reader.ts';

const text = { type: 'string' };

export const policyPeer = {
  oneOf: [
    text,
    {
      type: 'object',
      additionalProperties: false,
      properties: {
        service: text,
        app: text,
        cidr: text,
        except: { type: 'array', items: text },
        dns: text,
      },
    },
  ],
};

export const policyPort = {
  oneOf: [
    { type: ['integer', 'string'] },
    {
      type: 'object',
      additionalProperties: false,
      required: ['port'],
      properties: { port: { type: ['integer', 'string'] }, protocol: { enum: ['tcp', 'udp', 'sctp'] } },
    },
  ],
};

/** `web`, `shop/web`, `10.0.0.0/8`, `host`, `lan`, `world`, or a mapping of `service`, `app`, `cidr`, `dns`. */
export function readPolicyPeer(value: Reader, end: 'from' | 'to', context: ExtensionContext): Peer[] {
  if (value.tree?.kind === 'map') return readMapping(value, end, context);
  const word = value.text() ?? '';
  if (word === 'host' || word === 'lan' || word === 'world') return [{ kind: word }];
  const [app = '', service, ...rest] = word.split('/');
  if (isAddress(app)) return readCidr(value, word, []);
  if (rest.length === 0 && app !== '' && service !== '') {
    if (service === undefined) return own(value, app, context);
    return app === context.app ? own(value, service, context) : [{ kind: 'service', app, service }];
  }
  return refuse(value, `found '${word}', required is a service, APP/SERVICE, a CIDR, host, lan or world`);
}

function own(value: Reader, service: string, context: ExtensionContext): Peer[] {
  checkService(value, service, context);
  return [{ kind: 'service', app: context.app, service }];
}

/** Complains about a service that this app does not have. */
function checkService(value: Reader, service: string, { app, services }: ExtensionContext): void {
  if (services.has(service)) return;
  const near = nearest(service, services);
  const hint =
    near === undefined ? `the services are ${[...services].join(', ')}` : `did you mean '${near}'?`;
  value.complain('policy-invalid', `the app ${app} has no service '${service}'`, hint);
}

function readMapping(value: Reader, end: 'from' | 'to', context: ExtensionContext): Peer[] {
  const given = ['service', 'app', 'cidr', 'dns'].filter((key) => value.at(key).present);
  const isOne = given.length === 1 || given.join(' ') === 'service app';
  if (!isOne)
    return refuse(
      value,
      `found ${given.length === 0 ? 'nothing' : given.join(' and ')}, required is one of service (with app), app, cidr or dns`,
    );
  if (value.at('except').present && !value.at('cidr').present)
    return refuse(value.at('except'), "'except' takes out of a cidr, and there is none");
  if (value.at('cidr').present)
    return readCidr(value.at('cidr'), value.at('cidr').text() ?? '', value.at('except').items());
  if (value.at('dns').present) return readName(value.at('dns'), end);
  const app = value.at('app').text() ?? context.app;
  const service = value.at('service').text();
  if (service === undefined) return [{ kind: 'app', app }];
  return app === context.app
    ? own(value.at('service'), service, context)
    : [{ kind: 'service', app, service }];
}

/** Complains about what is no subnet, and about exceptions that lie outside of it. */
export function readCidr(value: Reader, cidr: string, except: readonly Reader[]): Peer[] {
  const whole = subnetOf(value, cidr);
  const parts = except.map((one) => ({ one, subnet: subnetOf(one, one.text() ?? '') }));
  if (whole === undefined) return [];
  for (const { one, subnet } of parts) {
    if (subnet === undefined) continue;
    const isPart = subnet.version === whole.version && subnet.prefix >= whole.prefix;
    const shift = BigInt((whole.version === 4 ? 32 : 128) - whole.prefix);
    if (!isPart || subnet.base >> shift !== whole.base >> shift)
      one.complain('policy-invalid', `'${one.text() ?? ''}' is no part of ${cidr}`);
  }
  const exceptions = parts.flatMap(({ subnet }) => (subnet === undefined ? [] : [formatSubnet(subnet)]));
  return [{ kind: 'cidr', cidr: formatSubnet(whole), except: exceptions }];
}

function subnetOf(value: Reader, cidr: string): ReturnType<typeof parseSubnet> | undefined {
  const length = cidr.includes(':') ? 128 : 32;
  try {
    return parseSubnet(cidr.includes('/') ? cidr : `${cidr}/${length}`);
  } catch (error) {
    if (!isKind(error, 'invalid')) throw error;
    value.complain('policy-invalid', `found '${cidr}', required is a subnet such as 10.0.0.0/8`);
    return undefined;
  }
}

const domain = /^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i;

function readName(value: Reader, end: 'from' | 'to'): Peer[] {
  const name = (value.text() ?? '').replace(/\.$/, '');
  if (end === 'from') return refuse(value, 'who calls cannot be told by a DNS name: only egress knows them');
  if (!domain.test(name))
    return refuse(value, `found '${name}', required is a name such as api.example.com or *.example.com`);
  return [{ kind: 'dns', name: name.toLowerCase() }];
}

/** 5432, `5432/udp`, `8000-8010/tcp`, or the name of a port of the service. */
export function readPolicyPort(value: Reader): PolicyPort[] {
  const isMap = value.tree?.kind === 'map';
  const word = (isMap ? value.at('port') : value).text() ?? '';
  const [port = '', given = 'tcp', ...rest] = word.split('/');
  const protocol = (isMap ? value.at('protocol').text() : undefined) ?? given;
  if (!isProtocol(protocol) || rest.length > 0)
    return refuse(value, `found '${word}', required is PORT[/tcp|udp|sctp]`);
  if (/^[a-z][a-z0-9-]*$/i.test(port)) return [{ protocol, name: port }];
  const range = rangeOf(port);
  if (range !== undefined) return [{ protocol, ...range }];
  return refuse(value, `found '${word}', required is a port from 1 to 65535, FROM-TO, or a port's name`);
}

function rangeOf(text: string): { first: number; last: number } | undefined {
  const [, from = '', to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return first >= 1 && last <= 65_535 && first <= last ? { first, last } : undefined;
}

function isProtocol(word: string): word is Protocol {
  return word === 'tcp' || word === 'udp' || word === 'sctp';
}

function refuse(value: Reader, message: string): [] {
  value.complain('policy-invalid', message);
  return [];
}
