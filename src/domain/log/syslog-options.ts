import { invalid } from '#base/errors.ts';

export type SyslogFormat = 'unix' | 'rfc3164' | 'rfc5424' | 'rfc5424micro';

export interface SyslogTls {
  /** Paths of PEM files on the host. */
  ca?: string;
  cert?: string;
  key?: string;
  skipVerify: boolean;
}

export type SyslogAddress =
  | { transport: 'udp' | 'tcp'; host: string; port: number }
  | { transport: 'tls'; host: string; port: number; tls: SyslogTls }
  | { transport: 'unix' | 'unixgram'; path: string }
  /** The host's own syslog, wherever it listens. */
  | { transport: 'local' };

type Options = Readonly<Record<string, string>>;

const standardPort = 514;

/** Codes of RFC 5424, section 6.2.1, by syslog's short names. */
const facilities = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
];
const localFacilities = 16;
const highestFacility = 23;
const daemonFacility = 3;

/** @throws invalid `log-option-invalid`, with Docker's words */
export function checkSyslogOptions(options: Options): void {
  syslogAddress(options);
  syslogFacility(options);
  syslogFormat(options);
}

/** @throws invalid `log-option-invalid` */
export function syslogAddress(options: Options): SyslogAddress {
  const text = options['syslog-address'] ?? '';
  if (text === '') return { transport: 'local' };
  const [, scheme = '', rest = ''] = /^(udp|tcp|tcp\+tls|unix|unixgram):\/\/(.+)$/.exec(text) ?? [];
  if (scheme === '') throw refused(`syslog-address should be in form proto://address, got ${text}`);
  if (scheme === 'unix' || scheme === 'unixgram') return { transport: scheme, path: socketPath(rest, text) };
  const { host, port } = hostAndPort(rest, text);
  if (scheme === 'tcp+tls') return { transport: 'tls', host, port, tls: tlsOf(options) };
  return { transport: scheme === 'udp' ? 'udp' : 'tcp', host, port };
}

function socketPath(path: string, address: string): string {
  if (path.startsWith('/')) return path;
  throw refused(`syslog-address '${address}' does not name an absolute path`, 'write unix:///dev/log');
}

function hostAndPort(text: string, address: string): { host: string; port: number } {
  const [, six, name = '', port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]]+))(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  const number = port === undefined ? standardPort : Number(port);
  const host = six ?? name;
  if (host !== '' && number > 0 && number < 65536) return { host, port: number };
  throw refused(`syslog-address '${address}' does not name a host`, 'write udp://HOST:PORT');
}

function tlsOf(options: Options): SyslogTls {
  const file = (key: string): string | undefined => options[`syslog-tls-${key}`] || undefined;
  const [ca, cert, key] = [file('ca-cert'), file('cert'), file('key')];
  if ((cert === undefined) !== (key === undefined))
    throw refused('syslog-tls-cert and syslog-tls-key go together: only one of them is set');
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    // As Docker: being there is enough, whatever it says.
    skipVerify: options['syslog-tls-skip-verify'] !== undefined,
  };
}

/** A number from 0 to 23; daemon unless set. @throws invalid `log-option-invalid` */
export function syslogFacility(options: Options): number {
  const text = options['syslog-facility'] ?? '';
  if (text === '') return daemonFacility;
  const local = /^local([0-7])$/.exec(text)?.[1];
  if (local !== undefined) return localFacilities + Number(local);
  const named = facilities.indexOf(text);
  if (named >= 0) return named;
  if (/^\d{1,2}$/.test(text) && Number(text) <= highestFacility) return Number(text);
  throw refused(
    'invalid syslog facility',
    `syslog-facility '${text}' is none of ${facilities.join(', ')}, local0 to local7, or a number from 0 to 23`,
  );
}

/** @throws invalid `log-option-invalid` */
export function syslogFormat(options: Options): SyslogFormat {
  const text = options['syslog-format'] ?? '';
  if (text === '') return 'unix';
  if (text === 'rfc3164' || text === 'rfc5424' || text === 'rfc5424micro') return text;
  throw refused('Invalid syslog format', `syslog-format '${text}' is none of rfc3164, rfc5424, rfc5424micro`);
}

function refused(message: string, hint?: string): Error {
  return invalid('log-option-invalid', message, hint === undefined ? {} : { hint });
}
