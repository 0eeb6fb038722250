/** What the image of postgresql runs: makes a cluster at the first start, then becomes the server. */
export const postgresEntrypoint = `#!/bin/sh
# POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD (or _FILE), POSTGRES_HOST_AUTH_METHOD and POSTGRES_INITDB_ARGS
# mean what they mean for Docker's official image. Only the first start reads them.
set -eu
case "\${1:-postgres}" in postgres | -*) ;; *) exec "$@" ;; esac
[ "\${1:-}" != postgres ] || shift

fail() {
  echo "postgres-entrypoint: $1" >&2
  exit 1
}

password() {
  if [ -n "\${POSTGRES_PASSWORD_FILE:-}" ]; then cat "$POSTGRES_PASSWORD_FILE"; else printf %s "\${POSTGRES_PASSWORD:-}"; fi
}

make_cluster() {
  user=\${POSTGRES_USER:-postgres} db=\${POSTGRES_DB:-\${POSTGRES_USER:-postgres}} auth=\${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  case "$db" in *[!A-Za-z0-9_-]*) fail "POSTGRES_DB is '$db': letters, digits, - and _ are taken" ;; esac
  [ "$auth" = trust ] || [ -n "$(password)" ] ||
    fail 'no password for the first start: set POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD'
  # Made beside its place and moved, so that a start that was killed leaves nothing that looks whole.
  new=$PGDATA.new
  rm -rf "$new"
  mkdir -p "$new"
  chmod 700 "$new"
  set -- --pgdata="$new" --username="$user" --encoding=UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host="$auth"
  secret=$(password)
  if [ -n "$secret" ]; then
    (umask 077 && printf '%s\\n' "$secret" >"$new.password")
    set -- "$@" --pwfile="$new.password"
  fi
  # shellcheck disable=SC2086 # the arguments are to be split
  initdb --no-sync "$@" \${POSTGRES_INITDB_ARGS:-} || fail 'initdb failed'
  rm -f "$new.password"
  printf '\\nhost all all all %s\\n' "$auth" >>"$new/pg_hba.conf"
  [ "$db" = postgres ] ||
    echo "CREATE DATABASE \\"$db\\"" | postgres --single -D "$new" postgres >/dev/null || fail "no database '$db'"
  sync -f "$new"
  mv "$new" "$PGDATA"
}

[ -s "$PGDATA/PG_VERSION" ] || make_cluster
exec postgres -D "$PGDATA" -c listen_addresses='*' "$@"
`;

/** Programs that Debian keeps in a folder of their version, or behind a wrapper that needs Perl. */
export const postgresPrograms = [
  ...['initdb', 'postgres', 'pg_ctl', 'psql', 'pg_isready'],
  ...['pg_dump', 'pg_dumpall', 'pg_restore', 'pg_basebackup', 'createdb', 'dropdb'],
];

export const postgresProgram = (name: string): string =>
  `#!/bin/sh\nexec /usr/lib/postgresql/*/bin/${name} "$@"\n`;
