import { wwwData } from './accounts.ts';
import { probe, type Recipe } from './recipe.ts';

/** For a master that is not root, and so without user and group; what pages write to their output streams goes to the log. */
const pool = `[global]
error_log = /proc/self/fd/2
log_limit = 8192
daemonize = no

[www]
listen = 9000
pm = dynamic
pm.max_children = 20
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 3
clear_env = no
catch_workers_output = yes
decorate_workers_output = no
access.log = /proc/self/fd/2

include = /usr/local/etc/php-fpm.d/*.conf
`;

/** As in the image that PHP's makers publish: settings in /usr/local/etc/php, further ones in its conf.d. */
export const php: Recipe = {
  user: wwwData,
  extras: [
    { path: '/usr/local/etc/php-fpm.conf', kind: 'file', content: pool },
    { path: '/usr/local/etc/php-fpm.d', kind: 'directory' },
    { path: '/var/www/html', kind: 'directory', owner: wwwData, mode: 0o755 },
  ],
  finishing: ['php'],
  environment: ['PHPRC=/usr/local/etc/php', 'PHP_INI_SCAN_DIR=/usr/local/etc/php/conf.d'],
  config: {
    Cmd: ['php-fpm', '--fpm-config', '/usr/local/etc/php-fpm.conf'],
    ExposedPorts: { '9000/tcp': {} },
    WorkingDir: '/var/www/html',
    // Requests under way are answered.
    StopSignal: 'SIGQUIT',
    Healthcheck: probe(`php -r '@fsockopen("127.0.0.1", 9000) or exit(1);'`),
  },
};
