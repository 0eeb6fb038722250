import { byteString, bytesOf } from '#domain/archive/tar-entry.ts';
import { corrupt } from '#domain/archive/tar-header.ts';

// PAX extended headers (POSIX.1-2001, pax, "pax Extended Header"): records `LENGTH KEY=VALUE\n`. Values
// may hold any byte (SCHILY.xattr.* does), so records are cut by their length.

/** Keys and values are byte strings. @throws invalid `layer-corrupt` */
export function decodePax(body: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(32, at);
    const digits = space < 0 ? '' : byteString(body.subarray(at, Math.min(space, at + 12)));
    const length = /^[0-9]+$/.test(digits) ? Number(digits) : 0;
    if (space < 0 || length <= space - at + 1 || at + length > body.length || body[at + length - 1] !== 10)
      throw corrupt('a PAX record has a wrong length');
    const record = byteString(body.subarray(space + 1, at + length - 1));
    const equals = record.indexOf('=');
    if (equals <= 0) throw corrupt('a PAX record has no key');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

/** The body of an extended header. */
export function encodePax(records: Iterable<[key: string, value: string]>): Uint8Array {
  let body = '';
  for (const [key, value] of records) {
    const rest = ` ${key}=${value}\n`;
    let length = rest.length + String(rest.length).length;
    if (rest.length + String(length).length > length) length++;
    body += `${length}${rest}`;
  }
  return bytesOf(body);
}
