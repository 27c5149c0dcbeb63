#!/usr/bin/env bash
# konpro serve as a process, with a real nginx in front (the sample configuration)
# and curl as the client: its answers, the commands of an operator meanwhile, and
# how it stops.
set -uo pipefail
PATH=$PATH:/usr/sbin  # nginx is there

konpro=$PWD/konpro/cli/konpro
config=$PWD/examples/proxies/nginx.conf
work=$(mktemp -d /tmp/konpro_serve.XXXXXX) || exit 1
cd "$work" || exit 1
failures=0
pids=()
# shellcheck disable=SC2317
clean_up() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
  wait
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# await WHAT COMMAND...: until it is so, for two minutes at most.
await() {
  local what=$1
  shift
  for ((i = 0; i < 1200; i++)); do
    "$@" && return
    sleep 0.1
  done
  echo "FAILED: waited for $what"
  cat ./*.log
  exit 1
}

# ask SOCKET ARGUMENTS...: the answer's status and fields, and its body, are in
# $answer; without carriage returns.
ask() {
  local socket=$1
  shift
  answer=$(curl -sS -i --max-time 30 --unix-socket "$socket" "$@" 2>&1 |
    tr -d '\r')
}

# expect TEXT...: all of them are in $answer.
expect() {
  local text
  for text in "$@"; do
    [[ "$answer" == *"$text"* ]] || fail "no '$text' in: $answer"
  done
}

# start DB LISTEN: konpro serves; $served and $address say who and where.
start() {
  : >serve.log
  "$konpro" serve --db="$1" --listen="$2" >serve.log 2>&1 &
  served=$!
  pids+=("$served")
  await 'konpro' grep -q '^listening on ' serve.log
  address=$(sed -n 's/^listening on //p' serve.log)
}

keys() { "$konpro" keys --db=credits.db "$@"; }

# direct ARGUMENTS...: of the API itself.
direct() {
  answer=$(curl -sS -i --max-time 30 -H 'Content-Type: application/json' "$@" |
    tr -d '\r')
}

start credits.db 127.0.0.1:0

# The commands reach the file that is open, by the socket of its owner alone.
[ "$(stat -c '%a %F' credits.db.sock)" = '600 socket' ] ||
  fail "$(stat -c '%a %F' credits.db.sock)"
key=$(keys create acme 2>keys.log) || fail "create: $(cat keys.log)"
grep -q 'shown this once' keys.log || fail "$(cat keys.log)"
[[ "$(keys whoami <<<"$key")" == *active* ]] || fail 'whoami by input'
[[ "$(KEY=$key keys whoami --key-env=KEY)" == *active* ]] || fail 'whoami by env'
"$konpro" account plan acme pro --db=credits.db >/dev/null || fail 'plan'
output=$(keys list nobody 2>&1) && fail 'list nobody'
[[ "$output" == *nobody* ]] || fail "$output"
output=$(keys list acme --catalog=x 2>&1) && fail 'a catalog of its own'
[[ "$output" == *'has its own'* ]] || fail "$output"
output=$("$konpro" serve --db=credits.db --listen=127.0.0.1:0 2>&1) &&
  fail 'served twice'
[[ "$output" == *credits.db* ]] || fail "$output"

# nginx in front: it listens on sockets of this folder, konpro on a port that was
# free, and the API is nginx too.
mkdir run
sed "s/server 127.0.0.1:8080;/server $address;/" "$config" >run/nginx.conf
grep -q "server $address;" run/nginx.conf || fail 'the sample names no server'
cat >>run/nginx.conf.api <<'API'
  server {
    listen unix:api.sock;
    location / {
      access_log api.log;
      return 200 "api for $http_x_konpro_account, held $http_x_konpro_reservation, key '$http_x_api_key', $request_method $request_uri, replayed '$http_idempotent_replayed', override '$http_x_http_method_override'\n";
    }
  }
}
API
sed -i -e '$d' run/nginx.conf
cat run/nginx.conf.api >>run/nginx.conf
(cd run && exec nginx -p "$PWD" -c "$PWD/nginx.conf" -e stderr \
  -g "user $(id -un) $(id -gn);") >nginx.log 2>&1 &
proxy=$!
pids+=("$proxy")
await 'nginx' test -S run/front.sock
front=run/front.sock
# The window's end must not fall between what fills it and what it then refuses:
# begin early in a minute.
# The same of the day, which a server that is started again must remember.
await 'a minute with time left' bash -c \
  '[ $(($(date +%s) % 60)) -lt 40 ] && [ $(($(date +%s) % 86400)) -lt 86340 ]'

ask $front -H "x-api-key: $key" http://konpro/v1/avatars
expect 'HTTP/1.1 200' 'RateLimit: "minute";r=59;' 'RateLimit-Policy: "minute"' \
  'api for acme' "key ''"
ask $front http://konpro/v1/avatars
expect 'HTTP/1.1 401' 'WWW-Authenticate: ApiKey' '"code":"unauthenticated"' \
  'application/problem+json' '"instance":"/v1/avatars"'
ask $front -H 'x-api-key: kp_none' -H 'X-Konpro-Account: acme' \
  http://konpro/v1/avatars
expect 'HTTP/1.1 401'
ask $front -H "x-api-key: $key" -H 'Idempotency-Key: a' -d '{}' \
  http://konpro/v1/videos
expect 'HTTP/1.1 402' '"code":"insufficient_credits"' \
  '"need":{"credits":"600"' 'RateLimit: "minute"'
ask $front -H "x-api-key: $key" -d '{}' http://konpro/v1/videos
expect 'HTTP/1.1 400' '"code":"malformed"'
"$konpro" account suspend acme --db=credits.db >/dev/null || fail 'suspend'
ask $front -H "x-api-key: $key" http://konpro/v1/avatars
expect 'HTTP/1.1 403' '"code":"suspended"'
"$konpro" account resume acme --db=credits.db >/dev/null || fail 'resume'

# Credits come and go while it serves.
ledger() { "$konpro" ledger --db=credits.db "$@"; }
[[ "$(ledger grant acme 1000 --id=more)" == *'"outcome": "applied"'* ]] ||
  fail 'grant'
ask $front -H "x-api-key: $key" -H 'Idempotency-Key: b' -d '{}' \
  http://konpro/v1/videos
expect 'HTTP/1.1 200' 'api for acme'
[[ "$(ledger balance acme)" == *'reserved       600'* ]] ||
  fail "$(ledger balance acme)"
ledger void admit:b --id=no-video >/dev/null || fail 'void'
record='{"record_id":"u1","account_id":"acme","operation":"photo_avatar",'
record+='"count":"2","start_time":"2026-01-01T00:00:00Z",'
record+="\"end_time\":\"2026-01-01T00:00:00Z\"}"
output=$(ledger ingest - --at=2026-01-01T00:00:00Z <<<"$record" 2>&1)
[[ "$output" == *'refused: 1'* ]] || fail "an event that is too old: $output"
ledger spend acme photo_avatar 2 --id=s --catalog=x 2>/dev/null &&
  fail 'a catalog of its own'
[[ "$(ledger verify)" == *fine* ]] || fail "$(ledger verify)"

# A forecast of the served file is the server's: the file is locked.
tomorrow=$(date -u -d tomorrow +%F)
ledger spend acme --credits=5 --id=forecast >/dev/null || fail 'spend'
forecast=$("$konpro" forecast credits.db --as-of="$tomorrow" --format=json 2>&1) ||
  fail "forecast: $forecast"
[[ "$forecast" == *'"credits": "5"'* ]] || fail "$forecast"
output=$("$konpro" forecast credits.db --catalog=x 2>&1) &&
  fail 'a forecast with a catalog of its own'
[[ "$output" == *'has its own'* ]] || fail "$output"

# An account whose minute is never full.
studio=$(keys create studio 2>/dev/null)
service=$(keys create billing --scope=service 2>/dev/null)
"$konpro" account plan studio enterprise --windows=minute:10000/1m \
  --db=credits.db >/dev/null || fail 'windows'
ledger grant studio 100000 --id=more >/dev/null || fail 'grant'

output=$("$konpro" clock --db=credits.db --confirm) || fail "clock: $output"
[[ "$output" == *'trusts its clock'* ]] || fail "$output"
output=$("$konpro" clock --db=none.db 2>&1) && fail 'a clock without a server'
[[ "$output" == *'no server'* ]] || fail "$output"

# Whatever a router takes for /v1/videos is metered: it is refused without an id,
# and with one it reaches the API by its one name.
n=0
for path in /v1/videos /v1/videos/ /V1/videos /V1/VIDEOS/ /v1//videos //v1///videos// \
  /v1/%76ideos /%56%31/videos%2f /v1%2fvideos /v1/./videos /v1/avatars/../videos \
  /v1/%2e%2e/v1/videos '/v1/videos?plan=free' '/v1/videos/?x'; do
  ask $front --path-as-is -H "x-api-key: $studio" -d '{}' "http://konpro$path"
  expect 'HTTP/1.1 400' '"code":"malformed"' '"detail":"Idempotency-Key: '
  ask $front --path-as-is -H "x-api-key: $studio" -d '{}' \
    -H "Idempotency-Key: $((++n))" "http://konpro$path"
  expect 'HTTP/1.1 200' "held $n," "POST /v1/videos"
done
for method in PUT PATCH DELETE OPTIONS; do
  ask $front -X $method -H "x-api-key: $studio" http://konpro/v1/videos
  expect 'HTTP/1.1 400' '"detail":"Idempotency-Key: '
done
# A free method starts nothing, whatever its fields say.
ask $front -H "x-api-key: $studio" -H 'X-HTTP-Method-Override: POST' \
  -H 'X-Konpro-Operation: photo_avatar' -H 'X-Konpro-Open-Job: replay' \
  -H 'Idempotent-Replayed: true' http://konpro/v1/videos/
expect 'HTTP/1.1 200' 'GET /v1/videos,' "override ''" 'held ,' "replayed ''"
ask $front -H "x-api-key: $studio" http://konpro/v1/Videos/a_1-B/
expect 'HTTP/1.1 200' 'GET /v1/videos/a_1-B,' 'held ,'
ask $front -H "x-api-key: $studio" -d '{}' http://konpro/v1/videos/a
expect 'HTTP/1.1 405'
# What no location lists is refused.
before=$(wc -l <run/api.log)
for path in / /v1 /v2/videos /v1/videos.json '/v1/videos;x=1' /v1/videos/a/b \
  /v1/videos%20 /v1/videos%252f /v1/videos/%252e%252e /v1/videos%00 /v1/videos%0a \
  /v1/videos/..%5cvideos /v1/images '/v1/videos%3fx' /konpro/admit; do
  ask $front --path-as-is -H "x-api-key: $studio" -d '{}' \
    -H 'Idempotency-Key: none' "http://konpro$path"
  [[ "$answer" == *'HTTP/1.1 40'[04]* ]] || fail "$path: $answer"
done
[ "$(wc -l <run/api.log)" = "$before" ] || fail "$(tail -1 run/api.log)"

# Requests that two programs could read differently do not pass nginx. A NUL in the
# key itself is not seen by konpro (libmicrohttpd ends the text there), but by nginx.
raw() {
  answer=$(python3 - "$front" "$1" <<'PY'
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(20)
peer.connect(sys.argv[1])
peer.sendall(sys.argv[2].encode().decode('unicode_escape').encode('latin-1'))
answer = b''
while part := peer.recv(4096):
    answer += part
print(answer.decode('latin-1').replace('\r', '').replace('\0', '?'))
PY
  )
}
before=$(wc -l <run/api.log)
host='Host: k\r\nx-api-key: '$studio
for request in \
  "GET /v1/avatars HTTP/1.1\r\nx-api-key: $studio\r\n\r\n" \
  "GET /v1/avatars HTTP/1.1\r\n$host\r\nHost: l\r\n\r\n" \
  "GET /v1/avatars%00 HTTP/1.1\r\n$host\r\n\r\n" \
  "GET /v1/avatars\0 HTTP/1.1\r\n$host\r\n\r\n" \
  "GET /v1/avatars HTTP/1.1\r\n$host\0x\r\n\r\n" \
  "GET /v1/avatars HTTP/1.1\r\n$host\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx" \
  "GET /v1/avatars HTTP/1.1\r\n$host\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"; do
  raw "$request"
  [[ "$answer" == *'HTTP/1.1 400'* ]] || fail "$request: $answer"
done
[ "$(wc -l <run/api.log)" = "$before" ] || fail "$(tail -1 run/api.log)"
raw "GET http://k/v1/avatars HTTP/1.1\r\n$host\r\nConnection: close\r\n\r\n"
expect 'HTTP/1.1 200' 'GET /v1/avatars,'
raw "HEAD /v1/avatars HTTP/1.1\r\n$host\r\nConnection: close\r\n\r\n"
expect 'HTTP/1.1 200'

# One id, one video: at once, while the job runs, and after it has ended.
videos() {
  before=$(wc -l <run/api.log)
  seq 20 | xargs -P 8 -I{} curl -sS -o /dev/null -w '%{http_code}\n' \
    --unix-socket $front -H "x-api-key: $studio" -H "Idempotency-Key: $1" \
    -d '{}' http://konpro/v1/videos | sort | uniq -c | tr -s ' \n' ' '
  echo "$(($(wc -l <run/api.log) - before)) at the API"
}
for end in complete cancel; do
  output=$(videos "one-$end")
  [ "$output" = ' 1 200 19 409 1 at the API' ] || fail "at once: $output"
  ask $front -H "x-api-key: $studio" -H "Idempotency-Key: one-$end" -d '{}' \
    http://konpro/v1/videos
  expect 'HTTP/1.1 409' '"code":"in_progress"' '"retryable":false'
  body='{"account":"studio","quantity":600000}'
  [ "$end" = complete ] || body='{"account":"studio"}'
  direct -H "x-api-key: $studio" -d "$body" \
    "http://$address/v1/jobs/one-$end/$end"
  expect 'HTTP/1.1 403' '"code":"wrong_scope"'
  direct -H "x-api-key: $service" -d "$body" \
    "http://$address/v1/jobs/one-$end/$end"
  expect 'HTTP/1.1 200'
  output=$(videos "one-$end")
  [ "$output" = ' 20 409 0 at the API' ] || fail "after $end: $output"
  ask $front -H "x-api-key: $studio" -H "Idempotency-Key: one-$end" -d '{}' \
    http://konpro/v1/videos
  expect 'HTTP/1.1 409' '"code":"job_ended"' '"retryable":false'
done

# A copy of the file that is open, named as the client's folder has it. Nothing
# moves the ledger ahead through a server.
mkdir copies
(cd copies && "$konpro" backup copy.db --db=../credits.db --format=json) \
  >backup.json || fail "backup: $(cat backup.json)"
[[ "$(ledger verify | head -1)" == "$("$konpro" ledger --db=copies/copy.db verify |
  head -1)" ]] || fail 'a copy that differs'
[ "$(stat -c %a copies/copy.db)" = 600 ] || fail 'a copy that others can read'
for words in '--at=2262-01-01T00:00:00Z' '--at=2262-01-01T00:00:00Z --simulate'; do
  # shellcheck disable=SC2086
  output=$(ledger $words grant acme 1 --id=ahead 2>&1) && fail "$words: $output"
done
[[ "$output" == *--simulate* ]] || fail "$output"

# A journal that is ahead of the clock: the server says so when it starts, in
# readiness and to metered requests, and a copy of its beginning repairs it.
"$konpro" ledger --db=ahead.db grant acme 9 --id=welcome >/dev/null || fail 'grant'
"$konpro" ledger --db=ahead.db --simulate --at=2262-01-01T00:00:00Z \
  grant other 5 --id=typo >/dev/null || fail 'simulate'
ahead_key=$("$konpro" keys --db=ahead.db create acme 2>/dev/null)
"$konpro" serve --db=ahead.db --listen=127.0.0.1:0 >ahead.log 2>&1 &
ahead=$!
pids+=("$ahead")
await 'a second konpro' grep -q '^listening on ' ahead.log
grep -q 'backup NEW --db=.*ahead.db --through=1' ahead.log || fail "$(cat ahead.log)"
ahead_address=$(sed -n 's/^listening on //p' ahead.log)
direct "http://$ahead_address/healthz"
expect 'HTTP/1.1 503' 'the journal is ahead of the clock'
direct -H "x-api-key: $ahead_key" -H 'Idempotency-Key: a' \
  "http://$ahead_address/v1/jobs" -d '{"operation":"avatar_video","quantity":1000}'
expect 'HTTP/1.1 503' '"code":"journal_ahead"' '--db=FILE --through=1'
"$konpro" backup repaired.db --db=ahead.db --through=1 >left.txt || fail 'backup'
grep -q typo left.txt || fail "$(cat left.txt)"
kill "$ahead"
wait "$ahead"
"$konpro" ledger --db=repaired.db verify >/dev/null || fail 'repaired'

# Another account, whose minute is soon full.
free=$(keys create globex 2>/dev/null)
for ((i = 0; i < 10; i++)); do
  ask $front -H "x-api-key: $free" http://konpro/v1/avatars
  expect 'HTTP/1.1 200'
done
ask $front -H "x-api-key: $free" http://konpro/v1/avatars
expect 'HTTP/1.1 429' 'Retry-After: ' '"code":"rate_limited"' '"minute";r=0;'

# What is not nginx's: the API itself.
direct "http://$address/healthz"
expect 'HTTP/1.1 200' 'ok'
direct -H "x-api-key: $key" "http://$address/v1/account"
expect '"plan": "pro"' '"name": "minute"'
direct -H "x-api-key: $key" "http://$address/v1/estimate" \
  -d '{"jobs":[{"operation":"avatar_video","quantity":90000}]}'
expect '"credits": "90"' '"allowed": true'
direct "http://$address/metrics"
expect 'konpro_admissions_total{reason="rate_limited"} 1'
head -c 70000 /dev/zero >large
direct --data-binary @large "http://$address/v1/jobs"
expect 'HTTP/1.1 413'
direct -H "x-large: $(printf '%40000s' x)" "http://$address/healthz"
expect 'HTTP/1.1 431'
direct -H 'Transfer-Encoding: chunked' --data-binary @large \
  "http://$address/v1/jobs" 2>/dev/null
[[ "$answer" == *'HTTP/1.1 200'* ]] && fail 'a body without a length is endless'

# A client that sends half of a request delays no other client.
exec {slow}<>"/dev/tcp/${address%:*}/${address##*:}"
printf 'GET /healthz HTTP/1.1\r\nHost:' >&"$slow"
for ((i = 0; i < 20; i++)); do
  direct "http://$address/healthz"
  expect 'HTTP/1.1 200'
done
# It is cut, without an answer.
output=$(timeout 60 cat <&"$slow") || fail 'a slow client is never cut'
exec {slow}>&-

# Deactivated: from the next request on.
id=$(keys list acme | awk 'NR == 3 { print $1 }')
keys deactivate "$id" >/dev/null || fail 'deactivate'
ask $front -H "x-api-key: $key" http://konpro/v1/avatars
expect 'HTTP/1.1 401'

forecast=$("$konpro" forecast credits.db --as-of="$tomorrow" --format=json 2>&1)
# A signal stops it, and then the commands open the file themselves.
kill -TERM "$served"
wait "$served" || fail "stopped with $?"
grep -q '^stopped' serve.log || fail "$(cat serve.log)"
[ -e credits.db.sock ] && fail 'the socket was left'
[[ "$(keys list acme)" == *deactivated* ]] || fail 'what was done is not there'
output=$("$konpro" forecast credits.db --as-of="$tomorrow" --format=json 2>&1)
[ "$output" = "$forecast" ] || fail "a forecast without the server: $output"
ask $front -H "x-api-key: $free" http://konpro/v1/avatars
expect 'HTTP/1.1 503'

# A server that was killed leaves its socket, which has no effect.
start credits.db 127.0.0.1:0
direct -H "x-api-key: $free" "http://$address/v1/account"
expect '"limit": "100"' '"remaining": "90"'
kill -KILL "$served"
wait "$served" 2>/dev/null
[ -S credits.db.sock ] || fail 'no socket was left'
[[ "$(keys list acme)" == *deactivated* ]] || fail 'a dead server is waited for'
start credits.db 127.0.0.1:0
kill -TERM "$served"
wait "$served" || fail "stopped with $?"

# Restarts lift no limit: twelve lives, of which each ends by a signal, admit what
# one does. SIGHUP ends no life, and a catalog that is wrong changes nothing.
limited=$(keys create limited 2>/dev/null) || fail 'create limited'
"$konpro" account plan limited pro --windows='hour:10/1h,day:900/24h' \
  --db=credits.db >/dev/null || fail 'windows'
"$konpro" plans --format=textproto >catalog.textproto || fail 'plans'
admitted=0
for life in 1 2 3 4 5 6 7 8 9 10 11 12; do
  : >serve.log
  "$konpro" serve --db=credits.db --listen=127.0.0.1:0 \
    --catalog=catalog.textproto >serve.log 2>&1 &
  served=$!
  pids+=("$served")
  await 'konpro' grep -q '^listening on ' serve.log
  address=$(sed -n 's/^listening on //p' serve.log | head -n 1)
  for request in 1 2 3 4 5 6; do
    direct -H "x-api-key: $limited" "http://$address/v1/admit"
    [[ "$answer" == 'HTTP/1.1 200'* ]] && admitted=$((admitted + 1))
    if [ $((life * request)) -eq 2 ]; then
      sed -i 's/credits: "1"/credits: "2"/' catalog.textproto
      kill -HUP "$served"
      await 'the catalog again' grep -q 'reloaded catalog' serve.log
    fi
    if [ $((life * request)) -eq 3 ]; then
      echo nonsense >catalog.textproto
      kill -HUP "$served"
      await 'the error' grep -q 'was not reloaded' serve.log
      "$konpro" plans --format=textproto >catalog.textproto
    fi
  done
  kill -KILL "$served"
  wait "$served" 2>/dev/null
done
[ "$admitted" -eq 10 ] || fail "twelve lives admitted $admitted"
: >credits.db.limits
output=$("$konpro" serve --db=credits.db --listen=127.0.0.1:0 2>&1) &&
  fail 'served with an empty limits file'
[[ "$output" == *credits.db.limits*empty*'move it away'* ]] || fail "$output"
rm credits.db.limits
start credits.db 127.0.0.1:0
grep -q 'credits.db.limits is not there' serve.log || fail "$(cat serve.log)"
kill -TERM "$served"
wait "$served" || fail "stopped with $?"

# A database has one socket by each of its names, and its files are its owner's.
ln -s credits.db link.db
start link.db 127.0.0.1:0
[ -S credits.db.sock ] || fail 'no socket beside the file that the link names'
for name in credits.db link.db; do
  [[ "$("$konpro" keys list acme --db="$name" 2>&1)" == *deactivated* ]] ||
    fail "$name: $("$konpro" keys list acme --db="$name" 2>&1)"
done
for file in credits.db*; do
  [ "$(stat -c %a "$file")" = 600 ] || fail "$(stat -c '%n %a' "$file")"
done
kill -TERM "$served"
wait "$served" || fail "stopped with $?"

[ "$failures" -eq 0 ] || { cat ./*.log; exit 1; }
