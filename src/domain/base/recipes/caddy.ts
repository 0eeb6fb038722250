import type { Account, Recipe } from './recipe.ts';

const user: Account = { name: 'caddy', uid: 995, gid: 995, home: '/home/caddy' };

/** As in the image that Caddy's makers publish: its state in /data, what it saves of its configuration in /config. */
export const caddy: Recipe = {
  user,
  extras: [
    { path: '/data', kind: 'directory', owner: user, mode: 0o755 },
    { path: '/config', kind: 'directory', owner: user, mode: 0o755 },
    { path: '/srv', kind: 'directory' },
  ],
  environment: ['XDG_CONFIG_HOME=/config', 'XDG_DATA_HOME=/data'],
  config: {
    Cmd: ['caddy', 'run', '--config', '/etc/caddy/Caddyfile', '--adapter', 'caddyfile'],
    ExposedPorts: { '80/tcp': {}, '443/tcp': {}, '443/udp': {} },
    // Certificates would be asked for again with each container.
    Volumes: { '/data': {} },
    WorkingDir: '/srv',
  },
};
