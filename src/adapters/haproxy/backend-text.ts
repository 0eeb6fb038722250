import { fingerprint } from '#base/ids.ts';
import type { BackendShape } from '#domain/ingress/model.ts';
import type { Backend } from '#domain/ingress/table.ts';
import { escapeRegex, quote, quoteFormat } from './quote.ts';

/** Lines USER:PASSWORD by backend; an empty list lets nobody in. */
export type Users = ReadonlyMap<string, readonly string[]>;

/** A backend without its servers. */
export function backendText(backend: Backend, users: Users): string[] {
  const { name, shape, mode } = backend;
  const { timeouts } = shape;
  return [
    ...(shape.users === undefined ? [] : userList(name, users.get(name) ?? [])),
    `backend ${name}`,
    `  mode ${mode}`,
    `  balance ${mode === 'http' ? 'roundrobin' : 'leastconn'}`,
    `  retries ${shape.retries}`,
    '  option redispatch 1',
    `  timeout connect ${millis(timeouts.connect)}`,
    // A stream of gRPC may be silent between its messages.
    `  timeout server ${millis(shape.protocol === 'http' && mode === 'http' ? timeouts.response : timeouts.idle)}`,
    `  timeout tunnel ${millis(timeouts.idle)}`,
    ...(mode === 'http' ? httpLines(name, shape) : []),
  ];
}

function httpLines(name: string, shape: BackendShape): string[] {
  return [
    ...rateLines(shape),
    ...bodyLines(shape),
    ...(shape.users === undefined
      ? []
      : [`  http-request auth realm Berth unless { http_auth(${userListName(name)}) }`]),
    ...retryLines(shape),
    ...stripLines(shape),
    ...headerLines('request', shape.requestHeaders),
    ...headerLines('response', shape.responseHeaders),
    ...(shape.hsts === undefined
      ? []
      : [`  http-response set-header Strict-Transport-Security max-age=${shape.hsts} if { ssl_fc }`]),
    ...(shape.compress ? ['  compression algo gzip', `  compression type ${compressed.join(' ')}`] : []),
    ...stickyLines(name, shape),
  ];
}

const compressed = [
  ...['text/html', 'text/plain', 'text/css', 'text/xml', 'text/javascript', 'application/javascript'],
  ...['application/json', 'application/xml', 'image/svg+xml'],
];

/** A refused connection did no harm; an answer that never began is asked for again only where that is safe (RFC 9110, 9.2.2). */
function retryLines({ retries }: BackendShape): string[] {
  if (retries === 0) return [];
  return [
    '  retry-on conn-failure empty-response',
    '  http-request disable-l7-retry unless METH_GET or { method HEAD OPTIONS }',
  ];
}

function rateLines({ rateLimit }: BackendShape): string[] {
  if (rateLimit === undefined) return [];
  const { requests, seconds } = rateLimit;
  return [
    `  stick-table type ipv6 size 100k expire ${seconds * 2}s store http_req_rate(${seconds}s)`,
    '  http-request track-sc0 src',
    `  http-request return status 429 content-type text/plain hdr Retry-After ${seconds} string "too many requests\\n" if { sc_http_req_rate(0) gt ${requests} }`,
  ];
}

/** A body whose length is not told beforehand cannot be bounded here, so its length is asked for. */
function bodyLines({ maxBody }: BackendShape): string[] {
  if (maxBody === undefined) return [];
  return [
    `  http-request return status 413 content-type text/plain string "the body is too large\\n" if { req.hdr_val(content-length) gt ${maxBody} }`,
    '  http-request return status 411 content-type text/plain string "the length of the body must be given\\n" if !{ req.hdr(content-length) -m found } !METH_GET !{ method HEAD OPTIONS DELETE }',
  ];
}

function stripLines({ stripPrefix }: BackendShape): string[] {
  if (stripPrefix === undefined) return [];
  return [
    `  http-request set-header X-Forwarded-Prefix ${quoteFormat(stripPrefix)}`,
    `  http-request replace-path ${quote(`^${escapeRegex(stripPrefix)}(?:/(.*))?$`)} ${quote(String.raw`/\1`)}`,
  ];
}

function headerLines(side: 'request' | 'response', headers: Record<string, string | null>): string[] {
  return Object.entries(headers).map(([name, value]) =>
    value === null
      ? `  http-${side} del-header ${name}`
      : `  http-${side} set-header ${name} ${quoteFormat(value)}`,
  );
}

function stickyLines(name: string, { sticky }: BackendShape): string[] {
  if (sticky === undefined) return [];
  return [
    `  cookie ${sticky} insert indirect nocache httponly attr SameSite=Lax dynamic`,
    `  dynamic-cookie-key ${fingerprint(name).slice(0, 16)}`,
  ];
}

function userListName(backend: string): string {
  return `users-${fingerprint(backend).slice(0, 12)}`;
}

function userList(backend: string, lines: readonly string[]): string[] {
  const users = lines.flatMap((line) => {
    const [, user, password] = /^([^:\s]+):(.+)$/.exec(line.trim()) ?? [];
    if (user === undefined || password === undefined) return [];
    const isHash = password.startsWith('$');
    return [`  user ${quote(user)} ${isHash ? 'password' : 'insecure-password'} ${quote(password)}`];
  });
  return [`userlist ${userListName(backend)}`, ...users];
}

/** Options of every server of a backend; the same in the configuration and by the runtime API. */
export function serverOptions({ shape, mode }: Backend): string {
  return [
    // What servers of the configuration have by themselves: without it, each request opens a connection.
    'pool-purge-delay 5s pool-max-conn -1',
    ...(mode === 'http' && shape.protocol !== 'http' ? ['proto h2'] : []),
    ...(shape.sendProxy === undefined ? [] : [shape.sendProxy === 'v1' ? 'send-proxy' : 'send-proxy-v2']),
  ].join(' ');
}

function millis(seconds: number): string {
  return `${Math.round(seconds * 1000)}ms`;
}
