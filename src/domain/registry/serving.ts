import { invalid } from '#base/errors.ts';

export type TlsMode = 'auto' | 'off' | 'local' | 'files' | 'acme';
/** How it is served in the end. */
export type ServedTls = Exclude<TlsMode, 'auto'>;

/** Where and how the registry is served. */
export interface ServingConfig {
  enabled: boolean;
  /** ADDRESS:PORT; an IPv6 address in brackets. */
  address: string;
  /** Further names, HOST or HOST:PORT, that clients reach it by. */
  names: string[];
  /** `auto`: off on loopback, elsewhere `files` when they are named, else `local`. */
  tls: TlsMode;
  /** PEM files for `files`; '' for none. */
  cert: string;
  key: string;
}

/** @throws invalid `registry-address-invalid` */
export function parseAddress(text: string): { address: string; port: number } {
  const [, bracketed, plain, port = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  if (address !== undefined && Number(port) <= 65_535) return { address, port: Number(port) };
  throw invalid(
    'registry-address-invalid',
    `'${text.slice(0, 100)}' is not ADDRESS:PORT, such as 127.0.0.1:5000`,
  );
}

export function isLoopback(address: string): boolean {
  return address === '::1' || /^127(\.\d{1,3}){3}$/.test(address);
}

/**
 * How it is served. Plain HTTP stays on this machine, and so does a registry that everybody may write to.
 * @throws invalid `registry-address-invalid`, `registry-tls-required`, `registry-users-required`
 */
export function resolveTls(config: ServingConfig, hasUsers: boolean): ServedTls {
  const { address } = parseAddress(config.address);
  if ((config.cert === '') !== (config.key === ''))
    throw invalid('registry-tls-required', 'a certificate and its key go together: found one of them only');
  if (config.tls === 'files' && config.cert === '')
    throw invalid('registry-tls-required', 'TLS from files needs a certificate and a key', {
      hint: 'give --tls-cert FILE and --tls-key FILE',
    });
  if (config.tls === 'acme' && acmeHosts(config).length === 0)
    throw invalid('registry-tls-required', 'a certificate by ACME is for a name in the DNS: found none', {
      hint: 'give --name registry.example.org',
    });
  if (!isLoopback(address) && config.tls === 'off')
    throw invalid(
      'registry-tls-required',
      `${config.address} is reached from outside this machine, where passwords must not be sent in the clear`,
      { hint: 'use --tls local, --tls acme, --tls files, or an address of the loopback device' },
    );
  if (!isLoopback(address) && !hasUsers)
    throw invalid(
      'registry-users-required',
      `${config.address} is reached from outside this machine, and without users everybody may write to the registry`,
      { hint: "berth registry users add NAME --grant '**=pull,push'" },
    );
  if (config.tls !== 'auto') return config.tls;
  if (isLoopback(address) && config.cert === '') return 'off';
  return config.cert === '' ? 'local' : 'files';
}

/** The names, HOST:PORT, under which this machine's engine knows the registry for its own. */
export function ownNames(config: ServingConfig, port: number): string[] {
  const { address } = parseAddress(config.address);
  const here = isLoopback(address) || address === '0.0.0.0' || address === '::';
  const hosts = here ? ['localhost', '127.0.0.1', '[::1]', hostText(address)] : [hostText(address)];
  return [...new Set([...hosts.map((host) => `${host}:${port}`), ...config.names])];
}

function hostText(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** The hosts that a certificate by ACME is for: all names that are of the DNS, in lower case. */
export function acmeHosts({ names }: ServingConfig): string[] {
  const hosts = names.map((name) => name.replace(/:\d+$/, '').toLowerCase());
  return [...new Set(hosts.filter((host) => /\.[a-z][a-z0-9-]*$/.test(host)))];
}

/** The hosts that a certificate of this machine's authority is for. */
export function certificateHosts(config: ServingConfig): string[] {
  const { address } = parseAddress(config.address);
  const named = config.names.map((name) => name.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
  const any = address === '0.0.0.0' || address === '::';
  return [...new Set([...named, ...(any ? [] : [address]), 'localhost', '127.0.0.1', '::1'])];
}
