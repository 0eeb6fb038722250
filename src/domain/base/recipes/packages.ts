import { wwwData } from './accounts.ts';
import { plain, type Account, type Extra, type Recipe } from './recipe.ts';
import { postgresEntrypoint, postgresProgram, postgresPrograms } from './postgresql.ts';

// Debian's scripts give these the next free number; a fixed one keeps images and volumes the same everywhere.
export const redis: Account = { name: 'redis', uid: 999, gid: 999, home: '/var/lib/redis' };
const postgres: Account = { name: 'postgres', uid: 998, gid: 998, home: '/var/lib/postgresql' };

const program = (path: string, content: string): Extra => ({ path, kind: 'file', content, mode: 0o755 });

const recipes: Readonly<Record<string, Recipe>> = {
  nodejs: plain('node'),
  python3: plain('python3'),
  'redis-server': {
    user: redis,
    extras: [
      { path: '/var/lib/redis', kind: 'directory', owner: redis, mode: 0o750 },
      { path: '/var/log/redis', kind: 'directory', owner: redis, mode: 0o750 },
    ],
    // Without a configuration file Redis stays in the foreground and listens on every address.
    config: {
      Cmd: ['redis-server', '--protected-mode', 'no', '--dir', '/var/lib/redis'],
      ExposedPorts: { '6379/tcp': {} },
      Volumes: { '/var/lib/redis': {} },
      WorkingDir: '/var/lib/redis',
    },
  },
  nginx: {
    user: wwwData,
    extras: [
      { path: '/etc/nginx/sites-enabled/default', kind: 'link', to: '/etc/nginx/sites-available/default' },
      { path: '/var/log/nginx/access.log', kind: 'link', to: '/dev/stdout' },
      { path: '/var/log/nginx/error.log', kind: 'link', to: '/dev/stderr' },
      { path: '/var/lib/nginx', kind: 'directory', owner: wwwData },
      // nginx.conf names this file; an unprivileged master can write it only when it is there.
      { path: '/run/nginx.pid', kind: 'file', content: '', owner: wwwData },
      { path: '/var/www/html/index.html', kind: 'link', to: '/usr/share/nginx/html/index.html' },
    ],
    config: {
      Cmd: ['nginx', '-g', 'daemon off;'],
      ExposedPorts: { '80/tcp': {} },
      StopSignal: 'SIGQUIT',
    },
  },
  postgresql: {
    user: postgres,
    extras: [
      { path: '/var/lib/postgresql', kind: 'directory', owner: postgres },
      { path: '/var/lib/postgresql/data', kind: 'directory', owner: postgres },
      { path: '/run/postgresql', kind: 'directory', owner: postgres, mode: 0o3775 },
      program('/usr/local/bin/postgres-entrypoint', postgresEntrypoint),
      ...postgresPrograms.map((name) => program(`/usr/local/bin/${name}`, postgresProgram(name))),
    ],
    // Below the volume, whether that is mounted at /var/lib/postgresql or at its folder data.
    environment: ['PGDATA=/var/lib/postgresql/data/cluster'],
    config: {
      Entrypoint: ['postgres-entrypoint'],
      Cmd: ['postgres'],
      ExposedPorts: { '5432/tcp': {} },
      Volumes: { '/var/lib/postgresql': {} },
      WorkingDir: '/var/lib/postgresql',
      // Ends sessions at once and writes a checkpoint.
      StopSignal: 'SIGINT',
    },
  },
};

/** How the image of a Debian package runs; undefined for one that nothing is known of. */
export function packageRecipe(name: string): Recipe | undefined {
  return Object.hasOwn(recipes, name) ? recipes[name] : undefined;
}
