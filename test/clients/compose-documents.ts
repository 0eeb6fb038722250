import fc from 'fast-check';

// Compose files as people write them, in every notation that Docker Compose 2.26 knows too.

type Document = Record<string, unknown>;

const word = fc.constantFrom('a', 'b', 'c-d', 'e_f', '1', 'true', 'x y', '');
const name = fc.constantFrom('A', 'B', 'C_D', 'lower');
const size = fc.constantFrom('64m', '1g', '1536k', '104857600b', 134217728);
const time = fc.constantFrom('1s', '1m30s', '500ms', '2h', '90s');
const unique = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.uniqueArray(one, { minLength: 1, maxLength: 3, selector: (item) => JSON.stringify(item) });

/** A text with variables in it, of which some are set. */
const text = fc.constantFrom(
  'plain',
  '$SET',
  '${SET}-end',
  '${UNSET:-default}',
  '${UNSET-other}',
  '${EMPTY:-filled}',
  '${EMPTY-kept}',
  '${SET:+there}',
  '${UNSET:+gone}x',
  '${UNSET:-${SET:-inner}}',
  '$$SET',
  '${FILE}',
  '${SET:?needed}',
  '${EMPTY?needed}',
  '${SET+there}',
  '$${SET}',
  'a$',
  '${UNSET:-}',
  '${UNSET:-a:b-c}',
  '${UNSET:-a${SET}b${UNSET:-c}}',
  '${UNSET:-a b}/$SET/${SET}',
  '${UNSET-${EMPTY:-deep}}',
);

const line = fc.constantFrom(
  'A=1',
  'A = spaced  ',
  'B="double $SET"',
  'B="two\\nlines"',
  "B='single $SET'",
  'C=plain value # remark',
  'C=a#b',
  'C="quoted" # remark',
  'export D=exported',
  'D: colon',
  'E=',
  'E=""',
  'F=${A:-none}',
  'F=$A$B',
  'F="${UNSET:-x}"',
  'G="with \\"quotes\\""',
  "G='back\\\\slash'",
  'H="several\nlines"',
  "H='several\nlines'",
  'SET',
  'UNSET',
  '# remark',
  '',
  '  I=indented',
  'J=\\$A',
  'K=a=b',
  'L.M=dotted',
);
const lines = fc.array(line, { maxLength: 6 }).map((all) => `${all.join('\n')}\n`);

const pairs = fc.oneof(
  fc.dictionary(name, fc.oneof(text, fc.integer({ min: 0, max: 9 })), { minKeys: 1, maxKeys: 3 }),
  unique(fc.tuple(name, word).map(([key, value]) => `${key}=${value}`)),
);

const ports = unique(
  fc.constantFrom<unknown>(
    '80',
    '8080:80',
    '127.0.0.1:81:81',
    '90:90/udp',
    '[::1]:82:82',
    '9000-9001:9000-9001',
    { target: 70 },
    { target: 71, published: '7100', protocol: 'udp' },
    { target: 72, published: '7200', host_ip: '127.0.0.1', mode: 'host' },
  ),
);

const volumes = unique(
  fc.constantFrom<unknown>(
    './here:/here',
    '../up:/up:ro',
    '/abs:/abs:rw',
    'data:/data',
    'data:/other:ro',
    '/anonymous',
    { type: 'bind', source: './long', target: '/long', read_only: true },
    { type: 'volume', source: 'data', target: '/vol', volume: { nocopy: true } },
    { type: 'tmpfs', target: '/scratch', tmpfs: { size: '1m' } },
  ),
);

const healthcheck = fc.record(
  {
    test: fc.constantFrom<unknown>('true', ['CMD', 'a'], ['CMD-SHELL', 'b c'], ['NONE']),
    interval: time,
    timeout: time,
    start_period: time,
    retries: fc.integer({ min: 1, max: 5 }),
  },
  { requiredKeys: ['test'] },
);

const deploy = fc.record(
  {
    replicas: fc.integer({ min: 1, max: 3 }),
    labels: pairs,
    update_config: fc.record({ parallelism: fc.constant(2), delay: time, order: fc.constant('start-first') }),
    resources: fc.record({ limits: fc.record({ cpus: fc.constant('0.5'), memory: fc.constant('64m') }) }),
    restart_policy: fc.record({
      condition: fc.constant('on-failure'),
      delay: time,
      max_attempts: fc.constant(3),
    }),
  },
  { requiredKeys: [] },
);

const build = fc.oneof(
  fc.constant('./app'),
  fc.record(
    {
      context: fc.constant('.'),
      dockerfile: fc.constant('Other'),
      args: pairs,
      labels: pairs,
      target: text,
      shm_size: size,
      tags: fc.constant(['t:1']),
      no_cache: fc.boolean(),
    },
    { requiredKeys: ['context'] },
  ),
);

const networks = fc.oneof(
  unique(fc.constantFrom('front', 'back')),
  fc.constantFrom<unknown>(
    { front: null },
    { front: { aliases: ['w'], priority: 5 }, back: null },
    { back: { ipv4_address: '10.9.0.5' } },
  ),
);

const settings: Record<string, fc.Arbitrary<unknown>> = {
  annotations: pairs,
  build,
  cap_add: unique(fc.constantFrom('NET_ADMIN', 'SYS_TIME')),
  command: fc.constantFrom<unknown>('run "a b" c', ['run', 'it'], "sh -c 'echo $$HOME'", ['${SET}']),
  cpus: fc.constantFrom<unknown>(1.5, '0.25'),
  depends_on: fc.constantFrom<unknown>(
    ['db'],
    { db: { condition: 'service_healthy' } },
    {
      db: { condition: 'service_started', restart: true, required: false },
    },
  ),
  deploy,
  dns: fc.constantFrom<unknown>('1.1.1.1', ['1.1.1.1', '8.8.8.8']),
  entrypoint: fc.constantFrom<unknown>('/entry now', ['/entry']),
  env_file: fc.constantFrom<unknown>('a.env', ['a.env', 'b.env']),
  environment: pairs,
  expose: unique(fc.constantFrom<unknown>('80', '81/udp', 82)),
  extra_hosts: fc.constantFrom<unknown>(['one:10.0.0.1', 'two=10.0.0.2'], { one: '10.0.0.3' }),
  healthcheck,
  hostname: text,
  init: fc.boolean(),
  labels: pairs,
  logging: fc.constantFrom<unknown>(
    { driver: 'json-file', options: { 'max-size': '1m' } },
    {
      options: { 'max-file': '3' },
    },
    { driver: 'local' },
  ),
  mem_limit: size,
  networks,
  ports,
  profiles: fc.constantFrom<unknown>(['debug'], ['other']),
  restart: fc.constantFrom('always', 'no', 'on-failure:3'),
  secrets: fc.constantFrom<unknown>(['key'], [{ source: 'key', target: '/etc/key' }]),
  configs: fc.constantFrom<unknown>(['conf'], [{ source: 'conf', target: '/etc/conf' }]),
  shm_size: size,
  stop_grace_period: time,
  sysctls: fc.constantFrom<unknown>(['a.b=1'], { 'a.b': 1, 'c.d': '2' }),
  tmpfs: fc.constantFrom<unknown>('/run', ['/run', '/tmp:size=1m']),
  ulimits: fc.constantFrom<unknown>({ nproc: 5 }, { nofile: { soft: 1, hard: 2 } }),
  user: word.filter((one) => one !== ''),
  volumes,
  working_dir: fc.constantFrom('/srv', '${SET}'),
};

const service = (required: Document): fc.Arbitrary<Document> =>
  fc.subarray(Object.keys(settings), { minLength: 1, maxLength: 8 }).chain((keys) => {
    const chosen = Object.fromEntries(
      keys.flatMap((key) => (settings[key] === undefined ? [] : [[key, settings[key]]])),
    );
    return fc.record(chosen).map((given) => ({ ...required, ...given }));
  });

const top = {
  networks: { front: null, back: { ipam: { config: [{ subnet: '10.9.0.0/16' }] }, labels: ['a=b'] } },
  volumes: { data: null },
  secrets: { key: { file: './key.txt' } },
  configs: { conf: { file: 'conf.txt' } },
};

const document = (required: Document): fc.Arbitrary<Document> =>
  service(required).map((web) => {
    delete web['profiles'];
    return { services: { web } };
  });

/** The files of a project, by name. */
export const projects: fc.Arbitrary<Record<string, string>> = fc
  .record({
    web: document({ image: 'web' }),
    other: service({ image: 'other' }),
    over: fc.option(document({}), { nil: undefined }),
    extended: fc.constantFrom<unknown>(
      undefined,
      { service: 'web' },
      { service: 'base', file: 'sub/base.yaml' },
    ),
    base: service({ image: 'base' }),
    included: fc.boolean(),
    files: fc.tuple(lines, lines),
  })
  .map(({ web, other, over, extended, base, included, files: [first, second] }) => {
    const own = web['services'];
    const services = {
      ...(typeof own === 'object' ? own : {}),
      db: { image: 'db' },
      other: { ...other, ...(extended === undefined ? {} : { extends: extended }) },
    };
    const include = included ? { include: ['inc/compose.yaml'] } : {};
    return {
      'compose.yaml': JSON.stringify({ name: 'shop', ...include, ...top, services }),
      'sub/base.yaml': JSON.stringify({ services: { base } }),
      'sub/a.env': 'A=of-sub\n',
      'sub/b.env': 'B=of-sub\n',
      'inc/compose.yaml': JSON.stringify({ services: { included: { image: 'a', volumes: ['./x:/x'] } } }),
      ...(over === undefined ? {} : { 'compose.override.yaml': JSON.stringify(over) }),
      '.env': 'FILE=from-file\nSET=lost\n',
      'a.env': first,
      'b.env': second,
    };
  });

export const environment = { SET: 'set', EMPTY: '', COMPOSE_PROFILES: 'debug' };
