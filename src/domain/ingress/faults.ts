import type { IngressEntry } from './model.ts';

/** What is wrong with a value, and the key of `x-berth.ingress` that it belongs to. */
export interface Fault {
  key: 'host' | 'path' | 'strip_prefix' | 'headers' | 'sticky' | 'port' | 'entrypoint' | 'basic_auth';
  message: string;
  hint?: string;
}

const hostName = /^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/;
/** RFC 3986, section 3.3. */
const urlPath = /^\/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$/;
const headerName = /^[A-Za-z0-9_-]+$/;

/** Every value of an entry that must not reach a balancer, whichever way it was written. */
export function faultsOf(entry: IngressEntry): Fault[] {
  const { host, path, shape, tls, port, entrypoint } = entry;
  const faults: Fault[] = [];
  const expect = (ok: boolean, key: Fault['key'], message: string, hint?: string): void => {
    if (!ok) faults.push(hint === undefined ? { key, message } : { key, message, hint });
  };
  expect(
    host === '' || (hostName.test(host) && host.length < 254),
    'host',
    `found '${host}', required is a host such as shop.example.com or *.example.com`,
  );
  expect(
    tls !== 'acme' || (host !== '' && !host.startsWith('*.')),
    'host',
    `a certificate by ACME needs a host by name, found '${host}'`,
    'name each host, or use tls: {cert, key} with a certificate of your own',
  );
  expect(urlPath.test(path), 'path', `found '${path}', required is a path such as /api`);
  const strip = shape.stripPrefix ?? '/';
  expect(urlPath.test(strip), 'strip_prefix', `found '${strip}', required is a path such as /api`);
  expect(isPort(port) || port === 0, 'port', `found ${port}, required is a port from 1 to 65535`);
  const outside = entrypoint ?? 80;
  expect(isPort(outside), 'entrypoint', `found ${outside}, required is a port from 1 to 65535`);
  const cookie = shape.sticky ?? 'berth';
  expect(headerName.test(cookie), 'sticky', `found '${cookie}', required is true or the name of a cookie`);
  for (const [name, value] of Object.entries({ ...shape.requestHeaders, ...shape.responseHeaders })) {
    expect(headerName.test(name), 'headers', `'${name}' cannot name a header`);
    // A line break would begin a header of its own.
    expect(isPlain(value ?? ''), 'headers', `the value of the header ${name} has a line break`);
  }
  return faults;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x7f || (code < 0x20 && code !== 0x09)) return false;
  }
  return true;
}
