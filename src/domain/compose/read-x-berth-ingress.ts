import type { SchemaObject } from 'ajv';
import type { Service } from '#domain/app/model.ts';
import { faultsOf } from '#domain/ingress/faults.ts';
import {
  protocols,
  standardShape,
  type BackendShape,
  type IngressEntry,
  type IngressSecret,
  type OwnCertificate,
  type TlsMode,
} from '#domain/ingress/model.ts';
import { parseRate } from '#domain/ingress/rate.ts';
import type { ExtensionContext, ExtensionKey } from './read-x-berth.ts';
import { compact, type Reader } from './reader.ts';

const text = { type: 'string' };
const texts = { oneOf: [text, { type: 'array', items: text, minItems: 1 }] };
const port = { type: ['integer', 'string'] };
const flag = { type: ['boolean', 'string'] };
const whole = { type: ['integer', 'string'] };
const closed = (properties: Record<string, SchemaObject>): SchemaObject => ({
  type: 'object',
  additionalProperties: false,
  properties,
});
const headers = { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } };

const entry = closed({
  host: texts,
  path: texts,
  exact: flag,
  priority: whole,
  port,
  protocol: { enum: protocols },
  tls: {
    oneOf: [
      { enum: ['acme', 'internal', 'off', 'passthrough', true, false] },
      { ...closed({ cert: text, key: text }), required: ['cert', 'key'] },
      { ...closed({ certificate: text, key: text }), required: ['certificate', 'key'] },
    ],
  },
  redirect: flag,
  entrypoint: port,
  strip_prefix: { type: ['boolean', 'string'] },
  headers: closed({ request: headers, response: headers }),
  sticky: { type: ['boolean', 'string'] },
  rate_limit: text,
  retries: whole,
  timeouts: closed({ connect: text, response: text, idle: text }),
  max_body: { type: ['integer', 'string'] },
  compress: flag,
  basic_auth: { ...closed({ file: text, secret: text }), minProperties: 1, maxProperties: 1 },
  proxy_protocol: closed({ in: flag, out: { enum: ['v1', 'v2'] } }),
  hsts: { type: ['boolean', 'string'] },
});

/** `x-berth.ingress` of a service. The port is 0 where none is named: `read-ingress.ts` finds it. */
export const ingressKey: ExtensionKey<Service> = {
  schema: { type: 'array', items: entry, minItems: 1 },
  read: (value, context) => ({ ingress: value.items().flatMap((item) => readEntries(item, context)) }),
};

/** One entry for each host and path. */
function readEntries(item: Reader, context: ExtensionContext): IngressEntry[] {
  const base = readEntry(item, context);
  const hosts = item.at('host').present ? item.at('host').texts() : [''];
  const paths = item.at('path').present ? item.at('path').texts() : ['/'];
  const entries = hosts.flatMap((host) =>
    paths.map((path) => ({
      ...base,
      host: host.toLowerCase(),
      path: path.replace(/\/+$/, '') || '/',
      shape: stripped(item.at('strip_prefix'), base.shape, path),
    })),
  );
  for (const fault of entries.flatMap(faultsOf))
    item.at(fault.key).complain('ingress-invalid', fault.message, fault.hint);
  return entries;
}

function readEntry(item: Reader, context: ExtensionContext): IngressEntry {
  const { tls, certificate } = readTls(item.at('tls'), context);
  const protocol = item.at('protocol').text() ?? 'http';
  const { file, line } = item.tree?.at ?? { file: '', line: 1 };
  const read: IngressEntry = compact<IngressEntry>({
    host: '',
    path: '/',
    exact: item.at('exact').boolean() ?? false,
    priority: item.at('priority').integer() ?? 0,
    port: item.at('port').integer() ?? 0,
    tls,
    certificate,
    redirect: item.at('redirect').boolean() ?? true,
    entrypoint: item.at('entrypoint').integer(),
    acceptProxy: item.at('proxy_protocol').at('in').boolean() ?? false,
    shape: readShape(item, protocols.find((one) => one === protocol) ?? 'http', context),
    at: `${file}:${line}`,
  });
  checkEntry(item, read);
  return read;
}

function readTls(tls: Reader, context: ExtensionContext): { tls: TlsMode; certificate?: OwnCertificate } {
  if (tls.at('certificate').present) {
    const secretAt = (key: string): IngressSecret => ({ secret: readSecret(tls.at(key), context) });
    return { tls: 'own', certificate: { certificate: secretAt('certificate'), key: secretAt('key') } };
  }
  if (tls.tree?.kind === 'map') {
    const { resolve } = context;
    const pathAt = (key: string): string => resolve(tls.at(key).text() ?? '', tls.at(key));
    return { tls: 'own', certificate: { cert: pathAt('cert'), key: pathAt('key') } };
  }
  const word = tls.text() ?? 'off';
  if (word === 'acme' || word === 'true') return { tls: 'acme' };
  return { tls: word === 'internal' || word === 'passthrough' ? word : 'off' };
}

function readShape(
  item: Reader,
  protocol: BackendShape['protocol'],
  context: ExtensionContext,
): BackendShape {
  const seconds = (name: 'connect' | 'response' | 'idle'): number => {
    const nanos = item.at('timeouts').at(name).duration();
    return nanos === undefined ? standardShape.timeouts[name] : nanos / 1e9;
  };
  const send = item.at('proxy_protocol').at('out').text();
  return compact<BackendShape>({
    protocol,
    requestHeaders: readHeaders(item.at('headers').at('request')),
    responseHeaders: readHeaders(item.at('headers').at('response')),
    sticky: readSticky(item.at('sticky')),
    rateLimit: readRate(item.at('rate_limit')),
    retries: item.at('retries').integer() ?? standardShape.retries,
    timeouts: { connect: seconds('connect'), response: seconds('response'), idle: seconds('idle') },
    maxBody: item.at('max_body').bytes(),
    compress: item.at('compress').boolean() ?? false,
    users: readUsers(item.at('basic_auth'), context),
    sendProxy: send === 'v1' || send === 'v2' ? send : undefined,
    hsts: readHsts(item.at('hsts')),
  });
}

function readUsers(users: Reader, context: ExtensionContext): BackendShape['users'] {
  const [file, secret] = [users.at('file'), users.at('secret')];
  if (file.present) return { file: context.resolve(file.text() ?? '', file) };
  return secret.present ? { secret: readSecret(secret, context) } : undefined;
}

/** The key of one of the app's secrets. */
function readSecret(secret: Reader, { secrets }: ExtensionContext): string {
  const key = secret.text() ?? '';
  if (!Object.hasOwn(secrets, key))
    secret.complain(
      'compose-undefined-reference',
      `the secret '${key}' is not defined at the top of the file`,
    );
  return key;
}

function stripped(strip: Reader, shape: BackendShape, path: string): BackendShape {
  const word = strip.text() ?? 'false';
  if (word === 'false') return shape;
  const prefix = (word === 'true' ? path : word).replace(/\/+$/, '');
  return prefix === '' ? shape : { ...shape, stripPrefix: prefix };
}

function readHeaders(values: Reader): Record<string, string | null> {
  return Object.fromEntries(values.pairs());
}

function readSticky(sticky: Reader): string | undefined {
  const word = sticky.text() ?? 'false';
  if (word === 'false') return undefined;
  return word === 'true' ? 'berth' : word;
}

function readRate(rate: Reader): BackendShape['rateLimit'] {
  const word = rate.text();
  if (word === undefined) return undefined;
  const read = parseRate(word);
  if (read === undefined)
    rate.complain('ingress-invalid', `found '${word}', required is a rate such as 100/s or 600/m`);
  return read;
}

const yearSeconds = 31_536_000;

function readHsts(hsts: Reader): number | undefined {
  const word = hsts.text() ?? 'false';
  if (word === 'false') return undefined;
  const nanos = word === 'true' ? yearSeconds * 1e9 : hsts.duration();
  return nanos === undefined ? undefined : nanos / 1e9;
}

/** What the schema cannot say: keys that have no meaning together. */
function checkEntry(item: Reader, entry: IngressEntry): void {
  const isBytes = entry.shape.protocol === 'tcp' || entry.tls === 'passthrough';
  if (isBytes)
    for (const key of [
      'path',
      'exact',
      'redirect',
      'strip_prefix',
      'headers',
      'sticky',
      'rate_limit',
      'max_body',
      'compress',
      'basic_auth',
      'hsts',
    ])
      if (item.at(key).present)
        item
          .at(key)
          .complain(
            'ingress-contradiction',
            `'${key}' looks into requests, but ${entry.tls === 'passthrough' ? 'tls: passthrough' : 'protocol: tcp'} hands bytes on`,
          );
  if (entry.shape.protocol === 'tcp' && entry.entrypoint === undefined && entry.tls === 'off')
    item.complain('ingress-invalid', "'entrypoint' is missing: protocol: tcp needs a port of the host");
  if (entry.shape.protocol === 'tcp' && entry.tls === 'off' && item.at('host').present)
    item.at('host').complain('ingress-contradiction', 'bytes without TLS do not tell the host that is meant');
  if (entry.shape.hsts !== undefined && entry.tls === 'off')
    item.at('hsts').complain('ingress-contradiction', 'hsts asks browsers for TLS, but tls is off');
  if (entry.tls === 'passthrough' && !item.at('host').present)
    item.complain('ingress-invalid', "'host' is missing: tls: passthrough goes by the host's name");
}
