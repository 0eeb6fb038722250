import fc from 'fast-check';
import { createBody, execBody, execStartBody, updateBody } from '#api/docker/container-schemas.ts';
import { connectBody, createBody as networkBody, disconnectBody } from '#api/docker/network-schemas.ts';

/** A request for one of the routes, with every part made up. */
export interface MadeUp {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
}

const names = ['web', 'done', 'net', 'vol', 'busybox', 'made', 'made2', 'nobody'] as const;
const oddTexts = [
  ...[
    '',
    ' ',
    '.',
    '..',
    '../../etc',
    '/',
    '//',
    '\0',
    'a\nb',
    '-1',
    '0',
    '1',
    'true',
    'none',
    'host',
    'bridge',
  ],
  ...[
    'container:web',
    'container:',
    'sha256:',
    `sha256:${'a'.repeat(64)}`,
    'x'.repeat(300),
    'ü',
    '💥',
    '%',
    '%zz',
  ],
  ...[
    '{}',
    '[]',
    '[1]',
    '{"a":',
    '{"status":["x"]}',
    '{"label":["a=b"]}',
    '{"until":["1h"]}',
    '{"name":["("]}',
  ],
  ...[
    '__proto__',
    'constructor',
    'a:b:c',
    '1:1',
    '80/tcp',
    '99999/tcp',
    'k=v',
    '=',
    'size=1g',
    'SIGKILL',
    '65',
  ],
];
const text = fc.oneof(fc.constantFrom(...names), fc.constantFrom(...oddTexts), fc.string({ maxLength: 12 }));
const integer = fc.oneof(fc.constantFrom(0, 1, -1, 5, 2 ** 31, -(2 ** 31), 2 ** 53, 1e300), fc.integer());
const anything = fc.oneof(fc.jsonValue({ maxDepth: 2 }), text, integer, fc.boolean(), fc.constant(null));

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
}

const parse: (text: string) => Schema = JSON.parse;
const schemaOf = (schema: object): Schema => parse(JSON.stringify(schema));

/** A cgroup of any name would stay on the machine. */
const excluded = new Set(['CgroupParent']);

/** A value that a schema asks for, now and then another one. */
function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 9, arbitrary: fitting(schema) }, { weight: 1, arbitrary: anything });
}

function fitting(schema: Schema): fc.Arbitrary<unknown> {
  const [each] = Object.values(schema.patternProperties ?? {});
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valueOf));
  if (schema.properties !== undefined) return objectOf(schema.properties);
  if (each !== undefined) return fc.dictionary(text, valueOf(each), { maxKeys: 2 });
  if (schema.items !== undefined) return fc.array(valueOf(schema.items), { maxLength: 2 });
  const scalars: Record<string, fc.Arbitrary<unknown>> = {
    string: text,
    integer,
    number: integer,
    boolean: fc.boolean(),
    null: fc.constant(null),
  };
  return scalars[schema.type ?? ''] ?? anything;
}

function objectOf(properties: Record<string, Schema>): fc.Arbitrary<object> {
  const keys = Object.keys(properties).filter((key) => !excluded.has(key));
  return fc
    .subarray(keys, { maxLength: Math.min(5, keys.length) })
    .chain((chosen) =>
      fc.record(Object.fromEntries(chosen.map((key) => [key, valueOf(properties[key] ?? {})]))),
    );
}

const { properties: config = {} } = schemaOf(createBody);

/** Mostly what makes a container that can be made, with a few fields changed. */
const container = fc
  .tuple(objectOf(config), objectOf(config['HostConfig']?.properties ?? {}))
  .map(([changed, HostConfig]) => ({ Image: 'busybox', Cmd: ['true'], ...changed, HostConfig }));

const bodies: Record<string, fc.Arbitrary<unknown>> = {
  'POST /containers/create': fc.oneof(container, valueOf(schemaOf(createBody))),
  'POST /containers/:id/update': valueOf(schemaOf(updateBody)),
  'POST /containers/:id/exec': valueOf(schemaOf(execBody)),
  'POST /exec/:id/start': valueOf(schemaOf(execStartBody)),
  'POST /networks/create': valueOf(schemaOf(networkBody)),
  'POST /networks/:id/connect': valueOf(schemaOf(connectBody)),
  'POST /networks/:id/disconnect': valueOf(schemaOf(disconnectBody)),
};

/** Every parameter that some route reads. */
const parameters = [
  ...[
    'all',
    'limit',
    'size',
    'filters',
    'name',
    'platform',
    'signal',
    't',
    'condition',
    'h',
    'w',
    'path',
    'v',
  ],
  ...[
    'force',
    'link',
    'stdout',
    'stderr',
    'stdin',
    'stream',
    'logs',
    'since',
    'until',
    'tail',
    'follow',
    'details',
  ],
  ...[
    'timestamps',
    'detachKeys',
    'one-shot',
    'ps_args',
    'container',
    'repo',
    'tag',
    'comment',
    'changes',
    'pause',
  ],
  ...[
    'manifests',
    'shared-size',
    'noprune',
    'names',
    'type',
    'buildargs',
    'labels',
    'target',
    'ulimits',
    'memory',
  ],
  ...['noOverwriteDirNonDir', 'copyUIDGID', 'quiet', 'id', 'dockerfile', 'extrahosts', 'version', 'term'],
] as const;

const query = fc.array(fc.tuple(fc.constantFrom(...parameters), text), { maxLength: 5 });

const headers = fc.record(
  {
    'content-type': fc.constantFrom('application/json', 'application/x-tar', 'text/plain', 'a/b; c=d', ''),
    'x-registry-auth': fc.oneof(fc.base64String(), fc.constantFrom('e30=', 'bnVsbA==', '!')),
    'x-registry-config': fc.oneof(fc.base64String(), fc.constantFrom('e30=', 'bnVsbA==', 'W10=')),
    upgrade: fc.constantFrom('tcp', 'websocket', 'h2c'),
    connection: fc.constantFrom('Upgrade', 'close'),
  },
  { requiredKeys: [] },
);

const bytes = fc
  .oneof(fc.uint8Array({ maxLength: 600 }), fc.constant(new Uint8Array(1024)))
  .map((array) => Buffer.from(array));

/** @param route as it is registered, `GET /images/*` */
export function requestOf(route: string, exec: string): fc.Arbitrary<MadeUp> {
  const [method = '', pattern = ''] = route.split(' ');
  const parts = pattern.split(/(?<=\/)(:\w+|\*)/);
  const path = fc.tuple(...parts.map((part) => pathPart(part, exec)));
  const json = (bodies[route] ?? anything).map((value) => Buffer.from(JSON.stringify(value)));
  const body = fc.oneof({ weight: 4, arbitrary: json }, { weight: 1, arbitrary: bytes });
  return fc
    .record({
      path,
      query,
      headers,
      body: method === 'GET' || method === 'HEAD' ? fc.constant(undefined) : body,
    })
    .map((made) => ({
      method,
      path: `/v1.51${made.path.join('')}?${made.query.map(([key, value]) => `${key}=${encode(value)}`).join('&')}`,
      headers: headersOf(route, made),
      body: made.body,
    }));
}

function headersOf(
  route: string,
  { headers: made, body }: { headers: Record<string, string>; body: Buffer | undefined },
): Record<string, string> {
  // Most JSON should get as far as the route.
  const isJson = route in bodies && body?.[0] === '{'.charCodeAt(0);
  return {
    ...made,
    ...(isJson && { 'content-type': 'application/json' }),
    ...(body !== undefined && { 'content-length': String(body.length) }),
  };
}

function pathPart(part: string, exec: string): fc.Arbitrary<string> {
  if (part === '*')
    return fc
      .tuple(text, fc.constantFrom('json', 'history', 'get', 'tag', 'push', 'x'))
      .map(([name, verb]) => `${encode(name)}/${verb}`);
  if (part.startsWith(':'))
    return fc.oneof(text.map(encode), fc.constantFrom('web', 'done', exec), fc.constant('%zz'));
  return fc.constant(part);
}

/** Lone surrogates cannot be encoded. */
function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}
