#!/usr/bin/env bash
# GET /v1/admit of konpro serve under wrk, on loopback, beside nginx that answers
# 204 by itself, in turns: requests a second and the 99th percentile of each.
# Client and servers share the machine's processors.
#
#   bazel run -c opt --copt=-O2 //benchmarks:serve_benchmark [-- SECONDS [ROUNDS]]
set -euo pipefail
PATH=$PATH:/usr/sbin  # nginx is there

konpro=$PWD/konpro/cli/konpro
seconds=${1:-10}
rounds=${2:-3}
connections=32
work=$(mktemp -d /tmp/konpro_serve.XXXXXX)
cd "$work"
pids=()
# shellcheck disable=SC2317
clean_up() {
  kill "${pids[@]}" 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap clean_up EXIT

# await COMMAND...: until it succeeds, for ten seconds.
await() {
  for ((i = 0; i < 100; i++)); do
    "$@" && return
    sleep 0.1
  done
  echo "waited in vain for: $*" >&2
  exit 1
}

"$konpro" serve --db=credits.db --listen=127.0.0.1:0 --threads=2 >serve.log &
pids+=($!)
await grep -q '^listening on ' serve.log
address=$(sed -n 's/^listening on //p' serve.log)
key=$("$konpro" keys create acme --db=credits.db 2>/dev/null)
"$konpro" account plan acme enterprise --db=credits.db \
  --windows=minute:1000000000/1m,day:1000000000/24h >/dev/null

# nginx takes no free port by itself: it tries one after another.
for port in {18480..18499}; do
  cat >nginx.conf <<CONF
worker_processes 2;
daemon off;
pid nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 127.0.0.1:$port;
    location / { return 204; }
  }
}
CONF
  nginx -p "$PWD" -c "$PWD/nginx.conf" -e stderr 2>nginx.log &
  proxy=$!
  sleep 1
  kill -0 "$proxy" 2>/dev/null && break
done
kill -0 "$proxy" || { cat nginx.log >&2; exit 1; }
pids+=("$proxy")
await curl -sf -o /dev/null "http://127.0.0.1:$port/"

# measure NAME URL: one line.
measure() {
  wrk -t1 -c"$connections" -d"${seconds}s" --latency -H "x-api-key: $key" \
    "$2" >wrk.log
  grep -q 'Non-2xx' wrk.log && { cat wrk.log >&2; exit 1; }
  printf '%-8s %10s requests/s   p99 %s\n' "$1" \
    "$(awk '/^Requests\/sec/ { print $2 }' wrk.log)" \
    "$(awk '$1 == "99%" { print $2 }' wrk.log)"
}

for ((round = 0; round < rounds; round++)); do
  measure konpro "http://$address/v1/admit"
  measure nginx "http://127.0.0.1:$port/"
done
