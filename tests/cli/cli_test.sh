#!/usr/bin/env bash
# The command as a process: its exit codes, and inputs and outputs that only a
# process can have.
set -uo pipefail

konpro=$PWD/konpro/cli/konpro
launch=$PWD/examples/launch.csv
morning=$PWD/examples/morning.csv
cd "$TEST_TMPDIR" || exit 1
failures=0

# expect CODE TEXT COMMAND...: the exit code, and a part of what is printed.
expect() {
  local code=$1 text=$2 output status=0
  shift 2
  output=$(timeout 60 "$@" 2>&1) || status=$?
  if [ "$status" -ne "$code" ] || [[ "$output" != *"$text"* ]]; then
    echo "FAILED: $*: exit code $status, expected $code and '$text':"
    echo "$output"
    failures=$((failures + 1))
  fi
}

expect 0 'catalog builtin-' "$konpro" --version
expect 0 '--budget' "$konpro" estimate --help
expect 0 '300 per 1m' "$konpro" plans
expect 0 '21956.75' "$konpro" estimate "$launch"
expect 3 'over budget' "$konpro" estimate "$launch" --budget=21956.749999
expect 4 'not covered' "$konpro" estimate "$launch" --available=21956.749999
expect 6 'photo_avatar' "$konpro" estimate "$launch" --plan=free_trial

daily=$(dirname "$launch")/daily.csv
revised=$(dirname "$launch")/launch_revised.json
used=$(dirname "$launch")/launch_used.json
saved=$(dirname "$launch")/launch.json
expect 0 'runs out: 2026-04-21' \
  "$konpro" forecast "$daily" --available=6000 --as-of=2026-03-16
expect 4 'likely to run out on 2026-04-21' \
  "$konpro" forecast "$daily" --available=6000 --as-of=2026-03-16 \
  --next-allowance=2026-05-01
expect 0 '"outlook": "safe"' "$konpro" forecast "$daily" --available=6000 \
  --as-of=2026-03-16 --next-allowance=2026-04-01 --format=json \
  --zone=Europe/Berlin --seed=7
expect 0 'change' "$konpro" diff "$saved" "$revised" --max-increase=188.5
expect 3 'over budget' "$konpro" diff "$saved" "$revised" --max-increase=0.5%
expect 0 'bias: -2.74%' "$konpro" accuracy "$saved" "$used"
expect 8 'inaccurate' "$konpro" accuracy "$saved" "$used" --max-error=5
expect 2 'no date such as' "$konpro" forecast "$daily" --until=tomorrow
expect 2 'not a time zone such as Europe/Berlin' \
  "$konpro" forecast "$daily" --zone=Nowhere
expect 2 'not a time zone such as America/New_York' \
  "$konpro" forecast "$daily" --zone=america/newyork
expect 2 'is zero or more' "$konpro" diff "$saved" "$revised" --max-increase=-1%
expect 2 'no amount of credits' \
  "$konpro" accuracy "$saved" "$used" --max-error=some
expect 2 'not a saved estimate' "$konpro" diff "$launch" "$saved"
start=--start=2027-03-01T09:00:00Z
expect 5 'met by scale' "$konpro" estimate "$launch" --plan=pro "$start" \
  --deadline=2027-03-01T09:05:00Z
expect 5 'no plan meets the deadline' \
  "$konpro" estimate "$launch" --plan=all "$start" --deadline=+0s
expect 0 'pro meets the deadline' \
  "$konpro" estimate "$launch" --plan=pro "$start" --deadline=+11m
expect 4 'short 1956.75' "$konpro" estimate "$launch" --available=10000 \
  --available=10000
expect 4 'credits expire before they are used' \
  "$konpro" estimate "$launch" --plan=pro "$start" --available=1 \
  --available=30000@2027-03-01T09:05:00Z
expect 0 'used by then: minute 12, day 340' "$konpro" estimate \
  --plan=pro --used minute:12,day:340 "$launch"
expect 2 'such as minute:12' "$konpro" estimate "$launch" --plan=pro --used=12
expect 2 'no RFC 3339 time' \
  "$konpro" estimate "$launch" --plan=pro --deadline=soon
expect 2 'time has a unit' "$konpro" estimate "$launch" --plan=pro --deadline=+5
expect 2 'is before the start' "$konpro" estimate "$launch" --plan=pro \
  --deadline=2001-01-01T00:00:00Z
expect 0 'in effect since 2027' bash -c "'$konpro' plans --format=textproto |
  sed 's/price_lists {/& effective_at: \"2027-01-01T00:00:00Z\"/' >later
  '$konpro' estimate '$launch' --catalog=later $start"
expect 6 'no price' "$konpro" estimate "$launch" --catalog=later "$start" \
  --at=2026-12-31T23:59:59Z

# The times of all requests: whole or not at all.
expect 0 '21956.75' "$konpro" estimate "$launch" --plan=pro "$start" \
  --schedule=schedule.csv
[ "$(wc -l <schedule.csv)" -eq 677 ] || failures=$((failures + 1))
[ "$(stat -c %a schedule.csv)" = "$(printf '%o' $((0666 & ~$(umask))))" ] ||
  failures=$((failures + 1))
grep -q '^676,2027-03-01T09:11:00Z,minute$' schedule.csv ||
  failures=$((failures + 1))
echo old >schedule.csv
expect 1 'cannot be written: File too large' bash -c "trap '' XFSZ; ulimit -f 8
  '$konpro' estimate '$launch' --plan=pro $start --schedule=schedule.csv"
[ "$(cat schedule.csv)" = old ] || failures=$((failures + 1))
expect 1 'cannot be written' "$konpro" estimate "$launch" --plan=pro \
  --schedule=nowhere/schedule.csv
[ -z "$(find . -name 'schedule.csv.*')" ] || failures=$((failures + 1))

# Traffic that does not fit is an answer, not a failure.
columns=(--time=received --account=customer)
expect 0 '--format-in' "$konpro" replay --help
expect 0 'requests: 325, accounts: 3' "$konpro" replay "$morning" "${columns[@]}"
expect 0 'at once: none' \
  "$konpro" replay "$morning" "${columns[@]}" --plan=free_trial --mode=wait
expect 0 '"fits": true' \
  "$konpro" replay "$morning" "${columns[@]}" --plan=scale --format=json
expect 0 'requests: 1,' bash -c "echo 'a - - [16/Nov/2023:18:17:03 +0000] \"\" - -' |
  '$konpro' replay - --format-in=clf"
expect 6 'no plan allows all of it' bash -c "printf 't,q\n1,1s\n' >t.csv
  '$konpro' plans --format=textproto | grep -v 'operations: ' >none.textproto
  '$konpro' replay t.csv --time=t --operation=avatar_video --quantity=q \
    --catalog=none.textproto"
expect 2 'TRACE is required' "$konpro" replay
expect 2 'name the column' "$konpro" replay "$morning"
expect 2 'ask not in' "$konpro" replay "$morning" --mode=ask
expect 2 'xml not in' "$konpro" replay "$morning" --format-in=xml
expect 2 'did you mean "received"' "$konpro" replay "$morning" --time=recieved
expect 2 'Is a directory' "$konpro" replay . --time=t
expect 2 'Is a directory' "$konpro" replay . --format-in=clf
expect 2 'empty' "$konpro" replay /dev/null --time=t

# Accounts and keys: the text of a key is all of the output, and comes back in
# by a pipe or the environment.
expect 0 'free_trial' "$konpro" account provision acme --db=accounts.db
expect 0 'minute:7/1m,day:9/24h (its own)' "$konpro" account plan acme \
  enterprise --windows=minute:7/1m,day:9/24h --db=accounts.db
"$konpro" keys create acme --db=accounts.db >key.txt 2>key.err
expect 0 'account acme' bash -c "'$konpro' keys whoami --db=accounts.db <key.txt"
expect 0 'account acme' "$konpro" keys --db=accounts.db whoami --key-file=key.txt
expect 0 'account acme' env KEY="$(cat key.txt)" "$konpro" keys whoami \
  --key-env=KEY --db=accounts.db
expect 2 'missing' bash -c "'$konpro' keys whoami --db=accounts.db </dev/null"
expect 0 'scope service' "$konpro" keys create billing --scope=service \
  --db=accounts.db
expect 0 ' admin ' bash -c "'$konpro' keys create root --scope=admin \
  --db=accounts.db >root.txt && '$konpro' keys whoami --db=accounts.db <root.txt"
expect 2 'did you mean "service"?' "$konpro" keys create billing \
  --scope=sevice --db=accounts.db
id=$("$konpro" keys list acme --db=accounts.db | awk 'NR == 3 { print $1 }')
expect 0 'kp_' "$konpro" keys reset "$id" --overlap=PT1H --db=accounts.db
expect 0 'deactivated' "$konpro" keys deactivate "$id" --db=accounts.db
expect 2 'deactivated' "$konpro" keys whoami --key-file=key.txt --db=accounts.db
expect 0 '"keys": 1' "$konpro" account show acme --db=accounts.db --format=json
expect 0 'suspended' "$konpro" account suspend acme --db=accounts.db
expect 0 'account' "$konpro" account resume acme --db=accounts.db
expect 2 'no such file' "$konpro" keys list acme --db=none.db
expect 2 'NAME:LIMIT/PERIOD' "$konpro" account plan acme pro --windows=1 \
  --db=accounts.db
expect 2 '--db is required' "$konpro" keys list acme
expect 2 'write 90s' "$konpro" keys reset "$id" --overlap=x --db=accounts.db
expect 2 'subcommand is required' "$konpro" keys --db=accounts.db
if grep -qF "$(cat key.txt)" key.err accounts.db accounts.db-wal 2>/dev/null; then
  echo "FAILED: a key's text is kept"
  failures=$((failures + 1))
fi

# The ledger as a process; more is in ledger_command_test.cc.
ledger=("$konpro" ledger --db=credits.db --at=2025-11-02T09:00:00Z)
expect 0 'statement' "$konpro" ledger --help
expect 2 'no such file' "${ledger[@]}" balance acme
expect 0 '"seq": "1"' "${ledger[@]}" grant acme 100 --id=welcome
expect 0 '"replayed"' "${ledger[@]}" grant acme 100 --id=welcome
expect 2 'amount: 101, was 100' "${ledger[@]}" grant acme 101 --id=welcome
expect 2 'zero or more, not -5' "${ledger[@]}" grant acme -5 --id=x
expect 2 'no amount of credits' "${ledger[@]}" grant acme nan --id=x
expect 2 'id is required' "${ledger[@]}" grant acme 5
expect 2 'kind' "${ledger[@]}" grant acme 5 --id=x --kind=free
expect 0 '"applied"' "${ledger[@]}" reserve acme avatar_video 30s --id=job --timeout='2 hours'
expect 4 'short 890' "${ledger[@]}" reserve acme --credits=960 --id=big
expect 4 '"denied"' "${ledger[@]}" reserve acme --credits=960 --mode=check-only
expect 7 'unknown_reservation' "${ledger[@]}" void nothing --id=v
expect 0 '"released"' "${ledger[@]}" capture job 20s --id=done
expect 0 '"refund"' "${ledger[@]}" refund done --credits=5 --id=sorry
expect 2 'not a time above zero' "${ledger[@]}" reserve acme --credits=1 --id=t --timeout=0s
expect 2 '--at' "$konpro" ledger --db=credits.db --at=yesterday balance acme
expect 2 'not a month' "${ledger[@]}" statement acme --month=2026-13
expect 0 'closing          85' "${ledger[@]}" statement acme --month=2025-11
expect 0 '"closing"' "${ledger[@]}" statement acme --month=2025-11 --format=json
expect 0 '"quantity":"20000"' "${ledger[@]}" export
expect 0 'available       85' "${ledger[@]}" balance acme --at-seq=9
expect 0 'fine: 5 entries' "${ledger[@]}" verify
expect 0 'history: 2025-11-02' "$konpro" forecast credits.db --account=acme \
  --as-of=2025-11-03
# A mistyped year is refused, and repaired where it was taken.
entries() { "${ledger[@]}" verify 2>/dev/null | sed -n '1s/[^0-9]*\([0-9]*\).*/\1/p'; }
far=--at=2262-01-01T00:00:00Z
expect 2 'ahead of the clock' "$konpro" ledger --db=credits.db "$far" grant acme 5 --id=typo
expect 0 'expired' "$konpro" ledger --db=credits.db "$far" balance acme
[ "$(entries)" = 5 ] || failures=$((failures + 1))
expect 0 '"seq": "6"' "$konpro" ledger --db=credits.db "$far" --simulate grant acme 5 --id=typo
expect 1 'through=5' "${ledger[@]}" grant acme 5 --id=more
expect 1 'through=5' "${ledger[@]}" verify
expect 2 'not a time of 0 to 24h' "${ledger[@]}" --clock-tolerance=25h verify
expect 2 '--db is required' "$konpro" backup repaired.db
expect 0 'typo' "$konpro" backup repaired.db --db=credits.db --through=5
expect 2 'is there already' "$konpro" backup repaired.db --db=credits.db
expect 0 'fine: 5 entries' "$konpro" ledger --db=repaired.db verify
mv repaired.db credits.db
expect 0 '"seq": "6"' "${ledger[@]}" grant acme 5 --id=typo
echo x >u.jsonl
expect 2 'u.jsonl:1:1: no usage record' "${ledger[@]}" ingest u.jsonl
expect 2 'records: 1, applied: 0' "${ledger[@]}" ingest u.jsonl
expect 2 'subcommand is required' "$konpro" ledger --db=credits.db
echo 'no database' >foreign.db
expect 1 'foreign.db' "$konpro" ledger --db=foreign.db balance acme

expect 2 'konpro has no command "estimat"; did you mean "estimate"?' \
  "$konpro" estimat x.csv --plan=all
expect 2 'konpro has no command "frobnicate"; known: "plans"' "$konpro" frobnicate
expect 2 'konpro ledger has no command "blance"; did you mean "balance"?' \
  "$konpro" ledger --db books.db blance acme
expect 2 'konpro ledger has no command "reserv"; did you mean "reserve"?' \
  "$konpro" ledger reserv acme --db=books.db
expect 2 'konpro keys has no command "lst"; did you mean "list"?' \
  "$konpro" keys lst acme
expect 2 'konpro account has no command "provison"; did you mean "provision"?' \
  "$konpro" account provison acme
expect 2 'SUBCOMMAND' "$konpro"
expect 2 'did you mean "estimate"?' "$konpro" estimat "$launch"
expect 2 'FILE is required' "$konpro" estimate
expect 2 'is zero or more' "$konpro" estimate "$launch" --budget=-1
expect 2 'no amount of credits' "$konpro" estimate "$launch" --available=1e3
expect 2 'no RFC 3339 time' "$konpro" estimate "$launch" --at=yesterday
expect 2 'xml not in' "$konpro" estimate "$launch" --format=xml
expect 2 'did you mean "scale"' "$konpro" estimate "$launch" --plan=scal
expect 2 'No such file' "$konpro" estimate nowhere.csv
expect 2 'Is a directory' "$konpro" estimate .
expect 2 'Is a directory' "$konpro" price .
expect 2 'Is a directory' "$konpro" plans --catalog=.
expect 2 'empty' "$konpro" estimate /dev/null

# A catalog that is written, changed and read again.
"$konpro" plans --format=textproto >catalog.textproto
expect 0 '21956.75' "$konpro" estimate "$launch" --catalog=catalog.textproto
sed 's/limit: 300/limit: 0/' catalog.textproto >broken.textproto
expect 2 'plans[2].windows[0].limit: 0 requests' \
  "$konpro" plans --catalog=broken.textproto

# A pipe, and a FIFO whose writer goes away in the middle of a row.
expect 0 '21956.75' bash -c "cat '$launch' | '$konpro' estimate -"
mkfifo fifo
(printf 'operation,quantity\navatar_video,1s\nphoto' >fifo) &
expect 2 'fifo:3:6: a row of 1 cells' "$konpro" estimate fifo

# A wrong header is told at once, however much follows.
expect 2 'unknown column "y"' bash -c "yes | '$konpro' estimate -"

# An output that cannot be written is never a success.
expect 1 'could not be written' bash -c "'$konpro' estimate '$launch' >&-"
expect 1 'could not be written' bash -c "'$konpro' estimate '$launch' >/dev/full"
expect 1 '' bash -c "'$konpro' --help >/dev/full"
expect 1 'could not be written' bash -c "'$konpro' replay '$morning' \
  --time=received >/dev/full"
# A reader that has gone away.
expect 1 'could not be written' \
  bash -c "exec 3> >(true); wait \$!; '$konpro' plans >&3"

# In a pipe there is no progress bar.
head -c 30000000 /dev/zero | tr '\0' '\n' >blank.csv
expect 2 'blank.csv:1:1: empty' "$konpro" estimate blank.csv
[ "$("$konpro" estimate blank.csv 2>&1 | wc -l)" -eq 1 ] || failures=1

echo "$failures failures"
[ "$failures" -eq 0 ]
