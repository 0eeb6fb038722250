import { own } from '#base/own.ts';
import type { AppModel } from '#domain/app/model.ts';
import type { SecretProvider, SecretRule } from '#domain/secret/provider.ts';
import type { ExtensionContext, ExtensionKey } from './read-x-berth.ts';
import { compact, type Reader } from './reader.ts';

const text = { type: 'string' };
const duration = { type: 'string', format: 'duration' };
/** Seconds. */
const patience = 10;

/** `x-berth.secrets` at the top: where values come from that are external to compose, and what a new one does. */
export const appSecretsKey: ExtensionKey<AppModel> = {
  schema: {
    type: 'object',
    additionalProperties: {
      type: 'object',
      additionalProperties: false,
      properties: {
        restart: { type: ['boolean', 'string'] },
        provider: { enum: ['exec', 'file', 'vault'] },
        command: { type: ['array', 'string'], items: text },
        timeout: duration,
        ...{ path: text, url: text, field: text, token: text },
      },
    },
  },
  read: (value, context) => ({
    secretRules: Object.fromEntries(value.entries().map(([key, one]) => [key, readRule(key, one, context)])),
  }),
};

function readRule(key: string, rule: Reader, context: ExtensionContext): SecretRule {
  const secret = own(context.secrets, key);
  if (secret === undefined)
    rule.complain('compose-undefined-reference', `the secret '${key}' is not defined at the top of the file`);
  const provider = readProvider(rule, context);
  if (provider !== undefined && secret !== undefined && secret.from.kind !== 'external')
    rule.complain(
      'compose-contradiction',
      `'${key}' has a provider, but its value comes from the compose file (${secret.from.kind})`,
      'write external: true where the secret is defined',
    );
  return compact<SecretRule>({ provider, restart: rule.at('restart').boolean() });
}

const keysOf = {
  exec: { required: ['command'], possible: ['command', 'timeout'] },
  file: { required: ['path'], possible: ['path'] },
  vault: {
    required: ['url', 'path', 'field', 'token'],
    possible: ['url', 'path', 'field', 'token', 'timeout'],
  },
} as const;
const settings = ['command', 'timeout', 'path', 'url', 'field', 'token'];

function readProvider(rule: Reader, { resolve }: ExtensionContext): SecretProvider | undefined {
  const kind = rule.at('provider').oneOf(['exec', 'file', 'vault'] as const);
  if (kind !== undefined)
    for (const name of keysOf[kind].required)
      if (!rule.at(name).present)
        rule.complain('compose-missing-key', `the key '${name}' is missing: the provider ${kind} needs it`);
  const possible: readonly string[] = kind === undefined ? [] : keysOf[kind].possible;
  for (const name of settings)
    if (rule.at(name).present && !possible.includes(name))
      rule
        .at(name)
        .complain(
          'compose-contradiction',
          kind === undefined
            ? `'${name}' is of a provider, and none is named`
            : `the provider ${kind} has no '${name}'`,
        );
  const of = (name: string): string => rule.at(name).text() ?? '';
  const timeout = rule.at('timeout').seconds() ?? patience;
  if (kind === 'exec') return { kind, command: rule.at('command').command() ?? [], timeout };
  if (kind === 'file') return { kind, path: resolve(of('path'), rule.at('path')) };
  if (kind === 'vault')
    return {
      kind,
      url: vaultUrl(rule.at('url')),
      path: of('path'),
      field: of('field'),
      token: of('token'),
      timeout,
    };
  return undefined;
}

function vaultUrl(value: Reader): string {
  const url = value.text() ?? '';
  if (!/^https?:\/\/[^/\s]+\/?$/.test(url))
    value.complain(
      'compose-invalid-value',
      `found '${url}', required is a URL such as https://vault.example.com:8200`,
    );
  return url.replace(/\/$/, '');
}
