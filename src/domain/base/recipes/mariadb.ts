import { probe, type Account, type Recipe } from './recipe.ts';

const user: Account = { name: 'mysql', uid: 997, gid: 997, home: '/var/lib/mysql' };

/** What the image runs: makes a database at the first start, then becomes the server. */
const entrypoint = `#!/bin/sh
# MARIADB_ROOT_PASSWORD (or _FILE), MARIADB_ALLOW_EMPTY_ROOT_PASSWORD, MARIADB_DATABASE, MARIADB_USER and MARIADB_PASSWORD (or
# _FILE) mean what they mean for Docker's official image, and so do their names with MYSQL_. Only the first start reads them.
set -eu
case "\${1:-mariadbd}" in mariadbd | mysqld | -*) ;; *) exec "$@" ;; esac
case "\${1:-}" in mariadbd | mysqld) shift ;; esac

fail() {
  echo "mariadb-entrypoint: $1" >&2
  exit 1
}

# The value of MARIADB_NAME or MYSQL_NAME, or what is in the file that either with _FILE names.
setting() {
  for prefix in MARIADB MYSQL; do
    eval "value=\\\${\${prefix}_$1:-} file=\\\${\${prefix}_$1_FILE:-}"
    [ -z "$file" ] || value=$(cat "$file")
    [ -z "$value" ] || break
  done
  printf %s "$value"
}

quoted() {
  printf "'%s'" "$(printf %s "$1" | sed "s/\\\\\\\\/&&/g; s/'/''/g")"
}

name() {
  case "$2" in *[!A-Za-z0-9_-]*) fail "$1 is '$2': letters, digits, - and _ are taken" ;; esac
}

say() {
  printf '%s\\n' "$1"
}

first_statements() {
  root=$(setting ROOT_PASSWORD) database=$(setting DATABASE) user=$(setting USER) password=$(setting PASSWORD)
  # Those that have no password: root by further names of this machine, and nobody.
  say "DELETE FROM mysql.global_priv WHERE User = '' OR User = 'root' AND Host <> 'localhost';"
  say 'FLUSH PRIVILEGES;'
  say "ALTER USER root@localhost IDENTIFIED BY $(quoted "$root");"
  say "CREATE USER root@'%' IDENTIFIED BY $(quoted "$root");"
  say "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
  [ -z "$database" ] || say "CREATE DATABASE \\\`$database\\\`;"
  [ -n "$user" ] || return 0
  say "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$password");"
  [ -z "$database" ] || say "GRANT ALL ON \\\`$database\\\`.* TO $(quoted "$user")@'%';"
}

make_database() {
  name MARIADB_DATABASE "$(setting DATABASE)"
  name MARIADB_USER "$(setting USER)"
  [ -n "$(setting ROOT_PASSWORD)" ] || [ -n "$(setting ALLOW_EMPTY_ROOT_PASSWORD)" ] ||
    fail 'no password for the first start: set MARIADB_ROOT_PASSWORD_FILE or MARIADB_ROOT_PASSWORD'
  [ -z "$(setting USER)" ] || [ -n "$(setting PASSWORD)" ] ||
    fail 'no password for MARIADB_USER: set MARIADB_PASSWORD_FILE or MARIADB_PASSWORD'
  # Made beside its place and moved, so that a start that was killed leaves nothing that looks whole.
  rm -rf "$data.new"
  mkdir -p "$data.new"
  mariadb-install-db --no-defaults --datadir="$data.new" --auth-root-authentication-method=normal --skip-test-db \
    --skip-name-resolve >/tmp/install.log 2>&1 || fail "$(cat /tmp/install.log)"
  rm -f /tmp/install.log
  first_statements |
    mariadbd --no-defaults --bootstrap --datadir="$data.new" --skip-log-bin --silent-startup ||
    fail 'the first statements failed'
  sync -f "$data.new"
  mv "$data.new" "$data"
}

data=/var/lib/mysql/data
# A volume of the official image has its database at the top.
[ ! -d /var/lib/mysql/mysql ] || data=/var/lib/mysql
[ -d "$data/mysql" ] || make_database
exec mariadbd --datadir="$data" --bind-address='*' --socket=/run/mysqld/mysqld.sock \
  --pid-file=/run/mysqld/mysqld.pid --skip-name-resolve "$@"
`;

export const mariadb: Recipe = {
  user,
  extras: [
    { path: '/var/lib/mysql', kind: 'directory', owner: user },
    { path: '/run/mysqld', kind: 'directory', owner: user },
    { path: '/etc/mysql/my.cnf', kind: 'link', to: 'mariadb.cnf' },
    { path: '/usr/local/bin/mariadb-entrypoint', kind: 'file', content: entrypoint, mode: 0o755 },
  ],
  config: {
    Entrypoint: ['mariadb-entrypoint'],
    Cmd: ['mariadbd'],
    ExposedPorts: { '3306/tcp': {} },
    Volumes: { '/var/lib/mysql': {} },
    // A server that asks for a password answers, too.
    Healthcheck: probe('mariadb-admin --no-defaults --socket=/run/mysqld/mysqld.sock --user=nobody ping'),
  },
};
