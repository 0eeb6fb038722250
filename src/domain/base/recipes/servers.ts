import { caddy } from './caddy.ts';
import type { CatalogueEntry } from './entry.ts';
import { certificates } from './entry.ts';
import { mariadb } from './mariadb.ts';
import { packageRecipe, redis } from './packages.ts';
import { plain, probe, type Account, type Recipe } from './recipe.ts';

const recipeOf = (name: string): Recipe => packageRecipe(name) ?? plain('sh');

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
    Healthcheck: probe('redis-cli ping | grep -q PONG'),
  },
};

const postgres: Recipe = {
  ...recipeOf('postgresql'),
  config: { ...recipeOf('postgresql').config, Healthcheck: probe('pg_isready -q -h 127.0.0.1') },
};

const memcache: Account = { name: 'memcache', uid: 996, gid: 996, home: '/nonexistent' };

const memcached: Recipe = {
  user: memcache,
  extras: [],
  config: { Cmd: ['memcached'], ExposedPorts: { '11211/tcp': {}, '11211/udp': {} } },
};

/** In the order in which they are shown. */
export const servers: readonly CatalogueEntry[] = [
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
    name: 'caddy',
    summary: 'a web server that gets its own certificates',
    packages: ['caddy', certificates],
    shape: 'full',
    // For a store of authorities that browsers of this machine would read.
    standIns: ['libnss3-tools'],
    main: /^caddy$/,
    recipe: caddy,
    proof: {
      command: ['caddy', 'validate', '--config', '/etc/caddy/Caddyfile'],
      prints: /^Valid configuration/,
    },
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
    name: 'memcached',
    summary: 'a cache of keys and values in memory',
    packages: ['memcached'],
    shape: 'full',
    standIns: ['perl'],
    main: /^memcached$/,
    recipe: memcached,
    proof: { command: ['memcached', '-V'], prints: /^memcached \d/ },
  },
  {
    name: 'postgres',
    summary: 'a relational database (PostgreSQL)',
    packages: ['postgresql'],
    shape: 'full',
    // For the wrappers that choose between clusters of several versions; there is one here.
    standIns: ['libjson-perl', 'perl', 'ssl-cert'],
    main: /^postgresql-\d+$/,
    recipe: postgres,
    proof: { command: ['sh', '-c', 'postgres --version'], prints: /^postgres \(PostgreSQL\) \d/ },
  },
  {
    name: 'mariadb',
    summary: 'a relational database (MariaDB)',
    packages: ['mariadb-server-core', 'mariadb-client'],
    shape: 'full',
    // For programs in Perl that nobody calls in a container.
    standIns: ['debianutils', 'libconfig-inifiles-perl', 'perl'],
    main: /^mariadb-server-core$/,
    recipe: mariadb,
    proof: { command: ['sh', '-c', 'mariadbd --version'], prints: /MariaDB/ },
  },
];
