import { invalid } from '#base/errors.ts';
import { parseEndpoint, type EffectiveSetting, type Settings } from '#domain/settings/settings.ts';

/**
 * What no single setting can tell: that the TLS files belong together, and that nobody opens the engine, which is
 * root, to a network without asking clients for certificates.
 * @throws invalid `settings-invalid` with where the setting comes from
 */
export function checkListeners({ host, api }: Settings, effective: readonly EffectiveSetting[]): void {
  const at = (key: string): string => {
    const source = effective.find((setting) => setting.key === key)?.source ?? 'default';
    return source.includes(':') ? `${source}: ${key}` : `${source} (${key})`;
  };
  const { ca, cert, key, verify } = api.tls;
  if ((cert === '') !== (key === ''))
    throw wrong(
      `${at(cert === '' ? 'api.tls.key' : 'api.tls.cert')}: api.tls.cert and api.tls.key go together`,
    );
  if (ca !== '' && cert === '') throw wrong(`${at('api.tls.ca')}: needs api.tls.cert and api.tls.key`);
  if (cert !== '' && verify && ca === '')
    throw wrong(
      `${at('api.tls.cert')}: api.tls.ca must name the authority that signs the clients' certificates`,
      'or set api.tls.verify = false',
    );
  if (api.allowUnauthenticated || (cert !== '' && verify)) return;
  if (isOpen(host)) throw open(at('host'), host);
  for (const one of api.hosts) if (isOpen(one)) throw open(at('api.hosts'), one);
}

function isOpen(host: string): boolean {
  const endpoint = parseEndpoint(host);
  return endpoint?.kind === 'tcp' && !isLoopback(endpoint.address);
}

function isLoopback(address: string): boolean {
  return address === '::1' || address === 'localhost' || /^127(\.\d{1,3}){3}$/.test(address);
}

function open(where: string, host: string): Error {
  return wrong(
    `${where}: "${host}" is reached from outside this machine, and whoever reaches it is root here`,
    'set api.tls.ca, api.tls.cert and api.tls.key to ask clients for certificates, or api.allow-unauthenticated = true',
  );
}

function wrong(message: string, hint?: string): Error {
  return invalid('settings-invalid', message, hint === undefined ? {} : { hint });
}
