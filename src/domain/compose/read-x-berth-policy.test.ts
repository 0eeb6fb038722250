import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPeer, formatPort } from '#domain/policy/words.ts';
import type { ExposureWord, Policy } from '#domain/policy/model.ts';
import type { Problem } from './problem.ts';
import { readProject } from '../../../test/support/compose.ts';

const app = (policy: string[], service: string[] = []): string =>
  [
    'name: shop',
    'services:',
    '  web: { image: a }',
    '  db:',
    '    image: a',
    '    ports: [{ name: pg, target: 5432 }]',
    ...(service.length === 0
      ? []
      : ['    x-berth:', '      policy:', ...service.map((line) => `        ${line}`)]),
    ...(policy.length === 0 ? [] : ['x-berth:', '  policy:', ...policy.map((line) => `    ${line}`)]),
  ].join('\n');

const isError = ({ severity }: Problem): boolean => severity === 'error';

function words({ name, at, subject, ingress, egress, addsOnly }: Policy): string {
  const who = 'services' in subject ? subject.services.join(',') : '*';
  const ways = Object.entries({ in: ingress, out: egress }).flatMap(([way, allows]) =>
    allows === undefined
      ? []
      : [
          `${way}${addsOnly === true ? '+' : ''}[${allows
            .map(
              (one) =>
                `${one.peers?.map(formatPeer).join(',') ?? 'any'}:${one.ports?.map(formatPort).join(',') ?? 'any'}`,
            )
            .join(' ')}]`,
        ],
  );
  return `${at.line} ${name} ${who} ${ways.join(' ')}`;
}

function read(text: string, files: Record<string, string> = {}): string[] {
  const { model, problems } = readProject({ 'compose.yaml': text, ...files });
  assert.deepEqual(problems.filter(isError), []);
  assert.ok(model);
  return [...(model.policy ?? []), ...(model.services['db']?.policy ?? [])].map(words);
}

function complaints(text: string, files: Record<string, string> = {}): string[] {
  const { problems } = readProject({ 'compose.yaml': text, ...files });
  return problems
    .filter(isError)
    .map(
      ({ at, code, message, hint }) =>
        `${at.file}:${at.line}:${at.column} ${code} ${message}${hint === undefined ? '' : ` (${hint})`}`,
    );
}

test('a rule between two services is about who is called, and is added to what the caller may', () => {
  assert.deepEqual(read(app(['egress: deny', 'allow:', '  - { from: web, to: db, ports: 5432 }'])), [
    '9 x-berth.policy * out[]',
    '11 x-berth.policy.allow db in[shop/web:5432/tcp]',
    '11 x-berth.policy.allow web out+[shop/db:5432/tcp]',
  ]);
});

test('a rule to somewhere else closes the egress of the caller', () => {
  assert.deepEqual(
    read(
      app([
        'allow:',
        '  - { from: [web, db], to: [{ dns: "*.Example.com" }, world], ports: [443, 53/udp, 8000-8010] }',
      ]),
    ),
    ['10 x-berth.policy.allow web,db out[*.example.com,world:443/tcp,53/udp,8000-8010/tcp]'],
  );
});

test('a service says who may call it and whom it may call, by every kind of peer', () => {
  const service = [
    'ingress:',
    '  - { from: [web, blog/api, { app: blog }, { cidr: 10.0.0.0/8, except: [10.1.0.0/16] }, host], ports: [pg] }',
    'egress: allow',
  ];
  assert.deepEqual(read(app(['default: deny'], service)), [
    '14 x-berth.policy * in[]',
    '14 x-berth.policy * out[]',
    '10 x-berth.policy of db db in[shop/web,blog/api,blog/*,10.0.0.0/8 except 10.1.0.0/16,host:pg/tcp]',
    '11 x-berth.policy of db db out[any:any]',
  ]);
});

const networkPolicy = [
  '# one of two',
  'apiVersion: networking.k8s.io/v1',
  'kind: NetworkPolicy',
  'metadata: { name: db-in, namespace: shop }',
  'spec:',
  '  podSelector: { matchLabels: { berth.service: db } }',
  '  policyTypes: [Ingress, Egress]',
  '  ingress:',
  '    - from:',
  '        - podSelector: { matchLabels: { berth.service: web } }',
  '        - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: blog } }',
  '          podSelector: {}',
  '        - ipBlock: { cidr: 172.16.0.0/12, except: [172.16.1.0/24] }',
  '      ports:',
  '        - { protocol: TCP, port: 5432 }',
  '        - { port: 6000, endPort: 6010 }',
  '---',
  'apiVersion: networking.k8s.io/v1',
  'kind: NetworkPolicy',
  'metadata: { name: all-out }',
  'spec: { podSelector: {}, policyTypes: [Egress], egress: [{}] }',
].join('\n');

test('policies of Kubernetes are read from files, several in one', () => {
  assert.deepEqual(read(app(['files: [np.yaml]']), { 'np.yaml': networkPolicy }), [
    '6 NetworkPolicy db-in * in[services berth.service=web,services (all) of apps kubernetes.io/metadata.name=blog,172.16.0.0/12 except 172.16.1.0/24:5432/tcp,6000-6010/tcp] out[]',
    '21 NetworkPolicy all-out * out[any:any]',
  ]);
});

const wrong: [what: string, policy: string[], complaint: RegExp][] = [
  ['an unknown key', ['ingres: deny'], /^compose.yaml:9:5 compose-unknown-key .*'ingres'/],
  [
    'an unknown service',
    ['allow: [{ from: wep, to: db }]'],
    /^compose.yaml:9:21 policy-invalid the app shop has no service 'wep' \(did you mean 'web'\?\)/,
  ],
  [
    'a wrong subnet',
    ['ingress: [{ from: { cidr: 10.0.0.0/40 } }]'],
    /^compose.yaml:9:31 policy-invalid found '10.0.0.0\/40'/,
  ],
  [
    'an exception outside',
    ['ingress: [{ from: { cidr: 10.0.0.0/8, except: [11.0.0.0/16] } }]'],
    /^compose.yaml:9:52 policy-invalid '11.0.0.0\/16' is no part of 10.0.0.0\/8/,
  ],
  [
    'a wrong port',
    ['egress: [{ to: world, ports: 70000 }]'],
    /^compose.yaml:9:34 policy-invalid found '70000'/,
  ],
  [
    'a DNS name as caller',
    ['ingress: [{ from: { dns: a.example } }]'],
    /^compose.yaml:9:30 policy-invalid who calls cannot be told by a DNS name/,
  ],
  [
    'two kinds of peer in one',
    ['egress: [{ to: { dns: a.example, cidr: 10.0.0.0/8 } }]'],
    /^compose.yaml:9:20 policy-invalid found cidr and dns/,
  ],
  [
    'a rule about nobody here',
    ['allow: [{ from: world, to: blog/web }]'],
    /^compose.yaml:9:13 policy-invalid neither 'from' nor 'to'/,
  ],
  [
    'a file that is not there',
    ['files: [none.yaml]'],
    /^compose.yaml:9:13 compose-file-missing there is no file '\/project\/none.yaml'/,
  ],
];
for (const [what, policy, complaint] of wrong)
  test(`${what} is refused at its place`, () => {
    const [first = '', ...rest] = complaints(app(policy));
    assert.match(first, complaint);
    assert.deepEqual(rest, []);
  });

test('what no rule could keep is refused: named ports that nobody has, services in the network of the host', () => {
  const found = complaints(
    app(['egress: [{ to: world, ports: [https] }]', 'allow: [{ from: web, to: db, ports: [pq] }]']).replace(
      'web: { image: a }',
      'web: { image: a, network_mode: host }',
    ),
  );
  const of = "whose network_mode 'host' no policy reaches";
  assert.deepEqual(found, [
    `compose.yaml:9:1 policy-unenforceable x-berth.policy is about the service web, ${of}`,
    "compose.yaml:9:1 policy-invalid the port 'https' is named, and only services have named ports: required is a number here",
    "compose.yaml:10:1 policy-invalid no service that the policy selects has a port named 'pq'",
    `compose.yaml:10:1 policy-unenforceable x-berth.policy.allow is about the service web, ${of}`,
  ]);
});

test('exposure binds ports to loopback, or lets only private addresses, the app and this machine in', () => {
  const text = (top: string, own: string): string =>
    [
      'name: shop',
      ...(top === '' ? [] : ['x-berth: { exposure: ' + top + ' }']),
      'services:',
      '  db:',
      '    image: a',
      '    ports: ["80:80", "10.0.0.1:81:81"]',
      ...(own === '' ? [] : ['    x-berth: { exposure: ' + own + ' }']),
    ].join('\n');
  const of = (top: string, own: string): unknown[] => {
    const { model } = readProject({ 'compose.yaml': text(top, own) });
    const db = model?.services['db'];
    return [db?.ports.map(({ hostIp }) => hostIp), db?.policy?.map(words)];
  };
  assert.deepEqual(of('', ''), [['', '10.0.0.1'], undefined]);
  assert.deepEqual(of('private', ''), [['127.0.0.1', '10.0.0.1'], undefined]);
  assert.deepEqual(of('private', 'public'), [['', '10.0.0.1'], undefined]);
  assert.deepEqual(of('', 'lan'), [['', '10.0.0.1'], ['6 x-berth.exposure db in[shop/*,lan:any]']]);
  assert.match(complaints(text('', 'open')).join(), /^compose.yaml:6:26 \S+ found the text 'open'/);
});

test('a port says itself who reaches it, the machine has the last word, and what a policy closes stays closed', () => {
  const of = (ports: string, standard: ExposureWord, extension = ''): unknown[] => {
    const text = `name: shop\nservices:\n  db: { image: a, ports: [${ports}]${extension} }`;
    const exposure = { word: standard, at: { file: 'the setting', line: 0 } };
    const { model, problems } = readProject({ 'compose.yaml': text }, { exposure });
    assert.deepEqual(problems, []);
    const db = model?.services['db'];
    assert.ok(
      db?.ports.every((port) => !('exposure' in port)),
      'it changes no container',
    );
    return [db?.ports.map(({ hostIp }) => hostIp), db?.policy?.map(words)];
  };
  const world = (port: number): string => `lan:any world:${port}/tcp`;
  const lan = (line: number, rest: string): string[] => [`${line} x-berth.exposure db in[shop/*,${rest}]`];
  assert.deepEqual(of('"80:80", "10.0.0.1:81:81"', 'private'), [['127.0.0.1', '10.0.0.1'], undefined]);
  assert.deepEqual(of('"80:80", "0.0.0.0:81:81"', 'lan'), [['', '0.0.0.0'], lan(0, world(81))]);
  assert.deepEqual(of('"public:80:80", "private:81:81"', 'lan'), [['', '127.0.0.1'], undefined]);
  assert.deepEqual(of('"lan::80"', 'public'), [[''], lan(3, 'lan:any')]);
  const long = '{ target: 80, published: 80, host_ip: lan }, "81:81"';
  assert.deepEqual(of(long, 'public'), [['', ''], lan(3, world(81))]);
  const closed = of(long, 'public', ', x-berth: { policy: { ingress: deny } }');
  assert.deepEqual(closed[1], ['3 x-berth.policy of db db in[]', ...lan(3, 'lan:any')]);
  const spread = of('"lan:80:80", "81:81"', 'public', ', x-berth: { exposure: private }');
  assert.deepEqual(spread, [['', '127.0.0.1'], lan(3, 'lan:any')]);
});

test('what Kubernetes knows and Berth does not is refused by name, at its line of the file', () => {
  const text = networkPolicy
    .replace('namespace: shop', 'namespace: other')
    .replace('policyTypes: [Ingress, Egress]', 'policyTypes: [Ingress, Ingres]')
    .replace('endPort: 6010', 'endport: 6010')
    .replace('egress: [{}]', 'egress: [{}], nodeSelector: {}');
  assert.deepEqual(complaints(app(['files: [np.yaml]']), { 'np.yaml': text }), [
    "np.yaml:4:37 network-policy-invalid the policy is of the namespace 'other', and this is the app shop (a namespace is an app: leave 'namespace' out, or name the app)",
    "np.yaml:7:26 network-policy-invalid found 'Ingres', required is Ingress or Egress",
    "np.yaml:16:34 network-policy-unsupported 'endport' is not honoured (did you mean 'endPort'?)",
    "np.yaml:21:77 network-policy-unsupported 'nodeSelector' is not honoured (did you mean 'podSelector'?)",
  ]);
});
