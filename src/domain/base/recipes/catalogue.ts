import { packageRecipe, redis } from './packages.ts';
import { app, plain, type Account, type Recipe } from './recipe.ts';
import type { Shape } from './shapes.ts';

/** An image under the name that people know: `debian.berth/python`. */
export interface CatalogueEntry {
  name: string;
  /** One line for people. */
  summary: string;
  packages: readonly string[];
  shape: Shape;
  /** Packages that the others depend on without needing them here. */
  standIns?: readonly string[];
  /** The package whose version is the image's, and a tag. */
  main: RegExp;
  recipe: Recipe;
  /** A command that shows that the image does what it is for, and a pattern of what it prints. */
  proof: { command: readonly string[]; prints: RegExp };
}

const nonroot: Account = { name: 'nonroot', uid: 65532, gid: 65532, home: '/home/nonroot' };

const recipeOf = (name: string): Recipe => packageRecipe(name) ?? plain('sh');
const certificates = 'ca-certificates';

/** As in the image that nginx's makers publish: pages in /usr/share/nginx/html, servers in /etc/nginx/conf.d. */
const nginxSite = `server {
    listen       80;
    listen  [::]:80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }
}
`;

/** As Debian's, for a master that is not root, and so without the directive `user`. */
const nginxMain = `worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log notice;
include /etc/nginx/modules-enabled/*.conf;

events {
    worker_connections 1024;
}

http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;
    access_log    /var/log/nginx/access.log combined;
    sendfile      on;
    tcp_nopush    on;
    gzip          on;
    server_tokens off;
    include /etc/nginx/conf.d/*.conf;
    include /etc/nginx/sites-enabled/*;
}
`;

const nginx: Recipe = {
  ...recipeOf('nginx'),
  extras: [
    ...recipeOf('nginx').extras.filter(({ path }) => !/sites-enabled|\/var\/www/.test(path)),
    { path: '/etc/nginx/nginx.conf', kind: 'file', content: nginxMain },
    { path: '/etc/nginx/conf.d/default.conf', kind: 'file', content: nginxSite },
  ],
};

/** As in the image that Redis' makers publish: data in /data. */
const redisRecipe: Recipe = {
  ...recipeOf('redis-server'),
  extras: [{ path: '/data', kind: 'directory', owner: redis, mode: 0o755 }],
  config: {
    Cmd: ['redis-server', '--protected-mode', 'no', '--dir', '/data'],
    ExposedPorts: { '6379/tcp': {} },
    Volumes: { '/data': {} },
    WorkingDir: '/data',
  },
};

const go: Recipe = {
  user: app,
  extras: [
    { path: '/go', kind: 'directory', owner: app, mode: 0o1777 },
    { path: '/go/src', kind: 'directory', owner: app, mode: 0o1777 },
    { path: '/go/bin', kind: 'directory', owner: app, mode: 0o1777 },
  ],
  // There is no C compiler, and a toolchain that is fetched in the middle of a build is no pinned one.
  environment: ['GOPATH=/go', 'CGO_ENABLED=0', 'GOTOOLCHAIN=local'],
  config: { Cmd: ['go', 'version'], WorkingDir: '/go' },
};

/** In the order in which they are shown. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    name: 'static',
    summary: 'certificates, time zones and users only: for programs linked statically',
    packages: [certificates, 'tzdata'],
    shape: 'bare',
    main: /^base-files$/,
    recipe: { user: nonroot, extras: [], config: { WorkingDir: '/home/nonroot' } },
    proof: { command: [], prints: /^$/ },
  },
  {
    name: 'busybox',
    summary: 'one small program with a shell and 270 tools',
    packages: ['busybox-static'],
    shape: 'bare',
    main: /^busybox-static$/,
    recipe: { ...plain('sh'), finishing: ['busybox-links'] },
    proof: { command: ['sh', '-c', 'echo one two | awk "{print \\$2}"'], prints: /^two$/ },
  },
  {
    name: 'slim',
    summary: 'the C library, a shell, the basic tools and certificates',
    packages: [certificates],
    shape: 'slim',
    standIns: ['openssl'],
    main: /^base-files$/,
    recipe: plain('sh'),
    proof: { command: ['sh', '-c', 'id -un'], prints: /^app$/ },
  },
  {
    name: 'base',
    summary: 'slim, with find, grep, gzip, sed, tar and awk',
    packages: [],
    shape: 'full',
    main: /^base-files$/,
    recipe: plain('sh'),
    proof: { command: ['sh', '-c', 'grep -c ^app: /etc/passwd'], prints: /^1$/ },
  },
  {
    name: 'node',
    summary: 'JavaScript, by Node.js',
    packages: ['nodejs', certificates],
    shape: 'full',
    main: /^nodejs$/,
    recipe: recipeOf('nodejs'),
    proof: { command: ['node', '-p', 'process.release.name'], prints: /^node$/ },
  },
  {
    name: 'python',
    summary: 'Python 3 with its standard library',
    packages: ['python3', 'tzdata', certificates],
    shape: 'full',
    main: /^python3$/,
    recipe: {
      ...recipeOf('python3'),
      extras: [{ path: '/usr/local/bin/python', kind: 'link', to: '/usr/bin/python3' }],
    },
    proof: {
      command: ['python', '-c', 'import ssl, sqlite3, zoneinfo; print(zoneinfo.ZoneInfo("Asia/Tokyo"))'],
      prints: /^Asia\/Tokyo$/,
    },
  },
  {
    name: 'java',
    summary: 'a Java runtime without a display (OpenJDK)',
    packages: ['default-jre-headless', certificates],
    shape: 'full',
    // Printing, sound and smart cards are loaded only by programs that use them.
    standIns: [
      ...['ca-certificates-java', 'java-common', 'libasound2', 'libasound2t64', 'libcups2', 'libcups2t64'],
      ...['libnss3', 'libpcsclite1', 'util-linux'],
    ],
    main: /^openjdk-\d+-jre-headless$/,
    recipe: {
      user: app,
      extras: [],
      finishing: ['java-authorities', 'java-links'],
      config: { Cmd: ['java', '-version'] },
    },
    proof: { command: ['java', '-version'], prints: /OpenJDK Runtime Environment/ },
  },
  {
    name: 'go',
    summary: 'builds Go programs without C',
    packages: ['golang-go', certificates],
    shape: 'full',
    main: /^golang-[\d.]+-go$/,
    recipe: go,
    proof: {
      command: [
        ...['sh', '-c'],
        'cd /tmp && printf "package main\\nfunc main() { println(6 * 7) }\\n" >a.go && go run a.go 2>&1',
      ],
      prints: /^42$/,
    },
  },
  {
    name: 'nginx',
    summary: 'a web server',
    packages: ['nginx'],
    shape: 'full',
    main: /^nginx$/,
    recipe: nginx,
    proof: { command: ['nginx', '-t', '-q'], prints: /^$/ },
  },
  {
    name: 'redis',
    summary: 'a store of keys and values in memory',
    packages: ['redis-server'],
    shape: 'full',
    main: /^redis-server$/,
    recipe: redisRecipe,
    proof: {
      command: [
        ...['sh', '-c'],
        'redis-server --port 0 --unixsocket /tmp/s --daemonize yes >/dev/null; until redis-cli -s /tmp/s ping 2>/dev/null; do sleep 0.1; done',
      ],
      prints: /^PONG$/,
    },
  },
  {
    name: 'postgres',
    summary: 'a relational database (PostgreSQL)',
    packages: ['postgresql'],
    shape: 'full',
    // For the wrappers that choose between clusters of several versions; there is one here.
    standIns: ['libjson-perl', 'perl', 'ssl-cert'],
    main: /^postgresql-\d+$/,
    recipe: recipeOf('postgresql'),
    proof: { command: ['sh', '-c', 'postgres --version'], prints: /^postgres \(PostgreSQL\) \d/ },
  },
];

export function catalogueEntry(name: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.name === name);
}
