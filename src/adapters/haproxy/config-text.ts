import type { Backend, BackendServer, IngressTable } from '#domain/ingress/table.ts';
import { backendText, serverOptions, type Users } from './backend-text.ts';
import { frontendText, type FrontendSettings } from './frontend-text.ts';

export interface ConfigInput {
  table: IngressTable;
  servers: (backend: string) => readonly BackendServer[];
  users: Users;
  settings: FrontendSettings;
}

/** The configuration file in full. */
export function configText(input: ConfigInput): string {
  const { servers } = input;
  return text(input, (backend) => servers(backend.name).map((one) => serverLine(backend, one)));
}

/** What of the configuration only a reload can change: all but the servers. */
export function structureText(input: Omit<ConfigInput, 'servers'>): string {
  return text(input, () => []);
}

function text(
  { table, users, settings }: Omit<ConfigInput, 'servers'>,
  serverLines: (backend: Backend) => string[],
): string {
  const lines = [
    ...globalLines(settings),
    ...defaultLines(table, settings),
    ...table.listeners.flatMap((listener) => frontendText(listener, settings)),
    'backend nobody',
    '  http-request return status 404 content-type text/plain string "no app is served here\\n"',
    ...table.backends.flatMap((backend) => [...backendText(backend, users), ...serverLines(backend)]),
  ];
  return `${lines.join('\n')}\n`;
}

function serverLine(backend: Backend, { id, address, port, draining }: BackendServer): string {
  const where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return `  server ${id} ${where} ${serverOptions(backend)}${draining === true ? ' weight 0' : ''}`;
}

function globalLines({ paths, accessLog }: FrontendSettings): string[] {
  return [
    'global',
    `  stats socket ${paths.api} mode 600 level admin expose-fd listeners`,
    '  stats timeout 1m',
    '  user haproxy',
    '  group haproxy',
    `  chroot ${paths.empty}`,
    // Connections of WebSockets outlive a reload, but not for ever, and not so many that their processes fill the machine.
    '  hard-stop-after 6h',
    '  mworker-max-reloads 50',
    '  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets',
    '  ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
    ...(accessLog ? ['  log stdout format raw local0'] : []),
  ];
}

/** What a client is told when nobody can serve it, as plain text. */
const pages: readonly [status: number, text: string][] = [
  [502, 'the service gave no valid answer'],
  [503, 'no replica of this service is ready'],
  [504, 'the service did not answer in time'],
];

function defaultLines({ backends }: IngressTable, { accessLog }: FrontendSettings): string[] {
  const streams = backends.some(({ mode, shape }) => mode === 'tcp' || shape.protocol !== 'http');
  return [
    'defaults',
    '  mode http',
    '  timeout connect 2s',
    // Both sides of a stream may be silent for long.
    `  timeout client ${streams ? '1h' : '75s'}`,
    '  timeout client-fin 30s',
    '  timeout server 60s',
    '  timeout http-request 30s',
    '  timeout http-keep-alive 75s',
    '  timeout queue 10s',
    // A process that leaves by a reload tells clients with their next answer; closing at once could cross with a request.
    '  option idle-close-on-response',
    ...(accessLog ? ['  log global', '  option dontlognull'] : []),
    ...pages.map(
      ([status, words]) => `  http-error status ${status} content-type text/plain string "${words}\\n"`,
    ),
  ];
}
