#!/bin/sh
# What the official image does at its first start, as far as docker-compose.scale.yml uses it.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # shellcheck disable=SC2086 # several words
    initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl start --wait --options="-c listen_addresses=''"
    for file in /docker-entrypoint-initdb.d/*.sh; do
        "$file"
    done
    pg_ctl stop --wait --mode=fast
fi
exec postgres -c listen_addresses='*'
