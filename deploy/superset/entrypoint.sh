#!/usr/bin/env bash
# Starts Superset: makes its secret key once, so that none is ever known beforehand, prepares its
# database once, and becomes the server that the arguments name.
set -euo pipefail
umask 077
mkdir -p "$SUPERSET_HOME"
key="$SUPERSET_HOME/secret-key"
if [ ! -s "$key" ]; then
  python -c 'import secrets; print(secrets.token_urlsafe(48))' > "$key.new"
  mv "$key.new" "$key"
fi
python /app/first_start.py
exec "$@"
