set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --auth=trust --encoding=UTF8 >/dev/null
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -E postgres >/dev/null
fi
exec "$@"
