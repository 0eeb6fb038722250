import { concatBytes, utf8Bytes } from '#base/bytes.ts';
import type { LogOrigin } from '#domain/log/origin.ts';
import type { SyslogFormat } from '#domain/log/syslog-options.ts';

export interface SyslogLine {
  stream: 'stdout' | 'stderr';
  /** RFC 3339, UTC, nanoseconds. */
  time: string;
  /** Bytes as the process wrote them. */
  data: Uint8Array;
}

export interface SyslogShape {
  format: SyslogFormat;
  facility: number;
  tag: string;
  /** Each message says its length first (RFC 5425, section 4.3): over TLS. */
  counted: boolean;
}

const severity = { stdout: 6, stderr: 3 } as const;
const newline = 0x0a;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * One line as Docker's driver sends it: the formats of RFC 3164 and RFC 5424 (tag as the name of the app and of the
 * message), or the one of local sockets, which has no host name. The time is the line's own.
 */
export function syslogMessage(line: SyslogLine, shape: SyslogShape, origin: LogOrigin): Uint8Array {
  const head = utf8Bytes(heading(line, shape, origin));
  const ended = line.data.at(-1) === newline;
  const message = concatBytes([head, line.data, ...(ended ? [] : [Uint8Array.of(newline)])]);
  const counted = shape.counted && shape.format.startsWith('rfc5424');
  return counted ? concatBytes([utf8Bytes(`${message.length} `), message]) : message;
}

function heading({ stream, time }: SyslogLine, shape: SyslogShape, origin: LogOrigin): string {
  const { facility, format, tag } = shape;
  const { hostName, processId, zoneMinutes } = origin;
  const priority = `<${facility * 8 + severity[stream]}>`;
  const local = inZone(time, zoneMinutes(time));
  if (format === 'unix') return `${priority}${stamp(local)} ${tag}[${processId}]: `;
  if (format === 'rfc3164') return `${priority}${stamp(local)} ${hostName} ${tag}[${processId}]: `;
  const fraction = format === 'rfc5424micro' ? `.${time.slice(20, 26)}` : '';
  const moment = `${local.slice(0, 19)}${fraction}${zone(zoneMinutes(time))}`;
  return `${priority}1 ${moment} ${hostName} ${tag} ${processId} ${tag} - `;
}

/** The moment as a clock on the wall there shows it. */
function inZone(time: string, minutes: number): string {
  return new Date(Date.parse(time) + minutes * 60_000).toISOString();
}

/** `Jan  2 03:04:05`, RFC 3164, section 4.1.2. */
function stamp(local: string): string {
  const day = String(Number(local.slice(8, 10))).padStart(2, ' ');
  return `${months[Number(local.slice(5, 7)) - 1] ?? ''} ${day} ${local.slice(11, 19)}`;
}

function zone(minutes: number): string {
  if (minutes === 0) return 'Z';
  const two = (number: number): string => String(number).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
