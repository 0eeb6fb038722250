import { concatBytes, utf8Bytes } from '#base/bytes.ts';
import type { SyslogLine } from '#domain/log/syslog-message.ts';

const severity = { stdout: '6', stderr: '3' } as const;
const newline = 0x0a;

export interface JournalSubject {
  id: string;
  name: string;
  imageName: string;
  tag: string;
  /** Labels and variables that the log options choose. */
  extra: ReadonlyMap<string, string>;
}

/**
 * One line in the journal's native protocol (systemd, Native Journal Protocol): fields as Docker's driver `journald`
 * names them. A piece of a longer line has CONTAINER_PARTIAL_MESSAGE.
 * @param ordinal number of the line in this run of the daemon's sending, from 1; `epoch` names that run
 */
export function journalMessage(
  line: SyslogLine,
  subject: JournalSubject,
  at: { epoch: string; ordinal: number },
): Uint8Array {
  const whole = line.data.at(-1) === newline;
  const fields = new Map<string, string | Uint8Array>([
    ['CONTAINER_ID', subject.id.slice(0, 12)],
    ['CONTAINER_ID_FULL', subject.id],
    ['CONTAINER_NAME', subject.name],
    ['CONTAINER_TAG', subject.tag],
    ['IMAGE_NAME', subject.imageName],
    ['SYSLOG_IDENTIFIER', subject.tag],
    ...[...subject.extra].map(([key, value]): [string, string] => [journalField(key), value]),
    ['SYSLOG_TIMESTAMP', line.time],
    ['CONTAINER_LOG_EPOCH', at.epoch],
    ['CONTAINER_LOG_ORDINAL', String(at.ordinal)],
    ...(whole ? [] : ([['CONTAINER_PARTIAL_MESSAGE', 'true']] as const)),
    ['PRIORITY', severity[line.stream]],
    ['MESSAGE', whole ? line.data.subarray(0, -1) : line.data],
  ]);
  fields.delete('');
  return joinedFields(fields);
}

/** Upper case letters, digits and underscores, not beginning with an underscore: the journal takes no others. */
export function journalField(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9_]/g, '_')
    .replace(/^_+/, '');
}

/** `NAME=VALUE\n`, or for values with a newline `NAME\n`, the length in eight bytes, little endian, and the value. */
function joinedFields(fields: ReadonlyMap<string, string | Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, value] of fields) {
    const bytes = typeof value === 'string' ? utf8Bytes(value) : value;
    if (bytes.includes(newline)) parts.push(utf8Bytes(`${name}\n`), length(bytes.length), bytes);
    else parts.push(utf8Bytes(`${name}=`), bytes);
    parts.push(Uint8Array.of(newline));
  }
  return concatBytes(parts);
}

function length(size: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(size), true);
  return bytes;
}
