import type { Listener, Rule } from '#domain/ingress/table.ts';
import { redirectMark } from './maps.ts';
import { certificateListPath, mapPath, type HaproxyPaths } from './paths.ts';

export interface FrontendSettings {
  paths: HaproxyPaths;
  /** Begins names in the kernel's abstract name space. */
  instance: string;
  /** Empty: all of IPv4, and of IPv6 where the machine has it. */
  addresses: readonly string[];
  hasIp6: boolean;
  trustedProxies: readonly string[];
  /** Where the authority of certificates asks. */
  challengePort: number;
  accessLog: boolean;
}

export function frontendText(listener: Listener, settings: FrontendSettings): string[] {
  const isSplit = listener.passthrough.length > 0 && (listener.rules.length > 0 || listener.hosts.length > 0);
  const outer = bindLines(listener, settings);
  if (listener.tls && listener.passthrough.length > 0)
    return isSplit
      ? [...splitText(listener, outer, settings), ...innerText(listener, settings)]
      : splitText(listener, outer, settings);
  return listener.mode === 'http' ? httpText(listener, outer, settings) : tcpText(listener, outer, settings);
}

/** Looks at the host of each TLS connection: some are handed on, the others go to the listener within. */
function splitText(listener: Listener, bind: string[], { paths, instance }: FrontendSettings): string[] {
  const { port } = listener;
  const inner = listener.rules.length > 0 || listener.hosts.length > 0;
  return [
    `frontend split-${port}`,
    '  mode tcp',
    ...bind,
    '  tcp-request inspect-delay 5s',
    '  tcp-request content accept if { req.ssl_hello_type 1 }',
    ...sniLines('req.ssl_sni', listener, paths, 'split'),
    ...(inner ? [`  default_backend within-${port}`, `backend within-${port}`, '  mode tcp'] : []),
    ...(inner ? [`  server tls abns@${instance}-${port} send-proxy-v2`] : []),
  ];
}

function innerText(listener: Listener, settings: FrontendSettings): string[] {
  const { port } = listener;
  const bind = [`  bind abns@${settings.instance}-${port} accept-proxy${tlsOptions(listener, settings)}`];
  return listener.mode === 'http' ? httpText(listener, bind, settings) : tcpText(listener, bind, settings);
}

function bindLines(listener: Listener, settings: FrontendSettings): string[] {
  const { port, acceptProxy, tls, passthrough } = listener;
  const standard = settings.hasIp6 ? ['0.0.0.0', '::'] : ['0.0.0.0'];
  const proxy = acceptProxy ? ' accept-proxy' : '';
  const options = `${proxy}${tls && passthrough.length === 0 ? tlsOptions(listener, settings) : ''}`;
  return addressesOf(settings.addresses, standard).map((address) => {
    const where = address.includes(':') ? `[${address}]:${port} v6only` : `${address}:${port}`;
    return `  bind ${where}${options}`;
  });
}

function addressesOf(chosen: readonly string[], standard: string[]): readonly string[] {
  return chosen.length === 0 ? standard : chosen;
}

function tlsOptions({ port, mode }: Listener, { paths }: FrontendSettings): string {
  const protocols = mode === 'http' ? ' alpn h2,http/1.1' : '';
  return ` ssl crt-list ${certificateListPath(paths, port)}${protocols}`;
}

function tcpText(listener: Listener, bind: string[], { paths }: FrontendSettings): string[] {
  const any = listener.rules.find((one) => one.host === '');
  return [
    `frontend in-${listener.port}`,
    '  mode tcp',
    ...bind,
    ...(listener.tls ? sniLines('ssl_fc_sni', listener, paths, 'ended') : []),
    ...(any !== undefined && 'backend' in any.target ? [`  default_backend ${any.target.backend}`] : []),
  ];
}

/** By the host that the client names: itself, then with its first label taken away. */
function sniLines(fetch: string, { port }: Listener, paths: HaproxyPaths, name: string): string[] {
  const map = `map_str(${mapPath(paths, port, 'sni')})`;
  const whole = `${fetch},lower,${map}`;
  const parent = `${fetch},lower,regsub(^[^.]+,),${map}`;
  return [
    `  acl ${name}-whole ${whole} -m found`,
    `  acl ${name}-parent ${parent} -m found`,
    `  use_backend %[${whole}] if ${name}-whole`,
    `  use_backend %[${parent}] if ${name}-parent`,
  ];
}

function httpText(listener: Listener, bind: string[], settings: FrontendSettings): string[] {
  const { port, rules } = listener;
  return [
    `frontend in-${port}`,
    '  mode http',
    ...bind,
    ...(settings.accessLog ? ['  option httplog'] : []),
    ...(port === settings.challengePort ? challengeLines(settings.paths) : []),
    ...clientLines(listener, settings.trustedProxies),
    '  http-request set-var(txn.host) req.hdr(host),host_only,lower',
    ...lookups(listener, settings.paths),
    ...(rules.some(isRedirect) ? redirectLines(rules) : []),
    '  use_backend %[var(txn.to)] if { var(txn.to) -m found }',
    '  default_backend nobody',
  ];
}

function challengeLines({ challenges }: HaproxyPaths): string[] {
  const answer = `path,map_str(${challenges})`;
  return [
    `  http-request return status 200 content-type text/plain lf-string "%[${answer}]" if { path_beg /.well-known/acme-challenge/ } { ${answer} -m found }`,
  ];
}

/** Who asks. What a client says about itself is taken from trusted proxies only. */
function clientLines({ tls }: Listener, trusted: readonly string[]): string[] {
  const proto = tls ? 'https' : 'http';
  const unless = trusted.length === 0 ? '' : ' unless from-proxy';
  const forwarded = (client: string): string => `"for=${client};host=\\"%[req.hdr(host)]\\";proto=${proto}"`;
  const known = trusted.length === 0 ? '' : ' !from-proxy';
  return [
    ...(trusted.length === 0 ? [] : [`  acl from-proxy src ${trusted.join(' ')}`]),
    '  acl from-ip6 src -m sub :',
    `  http-request set-header X-Forwarded-For %[src]${unless}`,
    `  http-request set-header X-Forwarded-Proto ${proto}${unless}`,
    `  http-request set-header X-Forwarded-Host %[req.hdr(host)]${unless}`,
    `  http-request set-header Forwarded ${forwarded('%[src]')} if !from-ip6${known}`,
    `  http-request set-header Forwarded ${forwarded('\\"[%[src]]\\"')} if from-ip6${known}`,
    ...(trusted.length === 0 ? [] : proxyLines),
  ];
}

const proxyLines = [
  '  http-request add-header X-Forwarded-For %[src] if from-proxy',
  '  http-request set-src hdr_ip(x-forwarded-for,-2) if from-proxy { req.hdr_cnt(x-forwarded-for) gt 1 }',
];

/** The backend for host and path: of the host itself, of its wildcard, of any host; each by path, then by prefix. */
function lookups({ port, rules }: Listener, paths: HaproxyPaths): string[] {
  const hasExact = rules.some((one) => one.exact);
  const scopes = [
    { host: '%[var(txn.host)]', used: true },
    { host: '%[var(txn.host),regsub(^[^.]+,)]', used: rules.some((one) => one.host.startsWith('*.')) },
    { host: '*', used: rules.some((one) => one.host === '') },
  ].filter((one) => one.used);
  return scopes.flatMap(({ host }, index) => {
    const unknown = index === 0 && !hasExact ? '' : ' if !{ var(txn.to) -m found }';
    const found = index === 0 ? '' : ' if !{ var(txn.to) -m found }';
    const exact = [
      `  http-request set-var-fmt(txn.key) "${host}%[path]"${found}`,
      `  http-request set-var(txn.to) var(txn.key),map_str(${mapPath(paths, port, 'exact')})${found}`,
    ];
    return [
      ...(hasExact ? exact : []),
      `  http-request set-var-fmt(txn.key) "${host}%[path]/"${unknown}`,
      `  http-request set-var(txn.to) var(txn.key),map_beg(${mapPath(paths, port, 'prefix')})${unknown}`,
    ];
  });
}

function isRedirect({ target }: Rule): boolean {
  return 'redirect' in target;
}

function redirectLines(rules: readonly Rule[]): string[] {
  const ports = new Set(rules.flatMap(({ target }) => ('redirect' in target ? [target.redirect] : [])));
  return [...ports].flatMap((port) => {
    const to = `https://%[var(txn.host)]${port === 443 ? '' : `:${port}`}`;
    const when = `{ var(txn.to) -m str ${redirectMark}${port} }`;
    return [
      `  http-request redirect prefix ${to} code 301 if ${when} { method GET HEAD }`,
      `  http-request redirect prefix ${to} code 308 if ${when}`,
    ];
  });
}
