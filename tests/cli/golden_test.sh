#!/usr/bin/env bash
# The reports of `konpro estimate`, byte for byte, in tests/cli/golden/. After a
# change that is meant: bazel run //tests/cli:golden_test -- --update
set -euo pipefail

konpro=$PWD/konpro/cli/konpro
golden=$PWD/tests/cli/golden
launch=$PWD/examples/launch.csv
if [ "${1:-}" = --update ]; then
  golden=$BUILD_WORKSPACE_DIRECTORY/tests/cli/golden
fi
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
unset BUILD_WORKING_DIRECTORY
start=--start=2027-03-01T09:00:00Z
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# golden NAME ARGUMENT...: what `konpro estimate` prints, and its reasons.
golden() {
  local name=$1
  shift
  "$konpro" estimate "$@" "$start" >"$work/$name" 2>"$work/err" || true
  sed 's/^/stderr: /' "$work/err" >"$work/reasons"
  if [[ "$name" == *.table ]]; then
    # The tables: what stands before the facts.
    if sed '/^requests: /,$d' "$work/$name" | LC_ALL=C grep -E '.{81}'; then
      fail "$name: a table is wider than 80 columns"
    fi
    cat "$work/reasons" >>"$work/$name"
  fi
  if LC_ALL=C grep -q $'\033' "$work/$name"; then
    fail "$name: colour in a pipe"
  fi
  NO_COLOR=1 "$konpro" estimate "$@" "$start" 2>/dev/null >"$work/plain" || true
  if [ "$(head -c "$(wc -c <"$work/plain")" "$work/$name" | cmp - "$work/plain")" ]; then
    fail "$name: another report under NO_COLOR"
  fi
  if [ "$golden" != "$PWD/tests/cli/golden" ]; then
    cp "$work/$name" "$golden/$name"
  elif ! diff "$golden/$name" "$work/$name"; then
    fail "$name: not as in tests/cli/golden/$name"
  fi
}

for format in table json markdown csv; do
  golden "cost.$format" "$launch" --format=$format --explain
  golden "plans.$format" "$launch" --plan=all --format=$format \
    --available=20000 --deadline=+5m --used=minute:12,day:340
  golden "range.$format" "$golden/uncertain.csv" --plan=pro \
    --format=$format --budget=5900 --seed=7 --deadline=+30s \
    --available=4000@2027-03-01T09:01:00Z --available=3000
  golden "names.$format" "$golden/wide.csv" --catalog="$golden/wide.textproto" \
    --plan=all --format=$format --available=300@2027-03-01T12:00:00Z
done
echo "$failures failures"
[ "$failures" -eq 0 ]
