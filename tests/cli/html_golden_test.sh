#!/usr/bin/env bash
# The pages of `konpro estimate` and `konpro forecast`, byte for byte, in
# tests/cli/golden/. After a change that is meant:
# bazel run //tests/cli:html_golden_test -- --update
set -euo pipefail

konpro=$PWD/konpro/cli/konpro
golden=$PWD/tests/cli/golden
update=
if [ "${1:-}" = --update ]; then
  golden=$BUILD_WORKSPACE_DIRECTORY/tests/cli/golden
  update=yes
fi
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
unset BUILD_WORKING_DIRECTORY
start=--start=2027-03-01T09:00:00Z
failures=0

# golden NAME ARGUMENT...: the page that `konpro` prints. It names its input as
# it was given.
golden() {
  local name=$1
  shift
  "$konpro" "$@" --format=html >"$work/$name" 2>"$work/err" || true
  if [ -n "$update" ]; then
    cp "$work/$name" "$golden/$name"
  elif ! diff "$golden/$name" "$work/$name"; then
    echo "FAILED: $name: not as in tests/cli/golden/$name"
    failures=$((failures + 1))
  fi
}

cd examples
golden plans.html estimate launch.csv --plan=all --available=20000 \
  --budget=25000 --deadline=+5m --used=minute:12,day:340 "$start"
golden forecast.html forecast daily.csv --available=6000 \
  --as-of=2026-03-16 --next-allowance=2026-04-20 --backtest
cd "$OLDPWD/tests/cli/golden"
golden range.html estimate uncertain.csv --plan=pro --budget=5900 --seed=7 \
  --deadline=+30s --available=4000@2027-03-01T09:01:00Z --available=3000 \
  --explain "$start"
golden names.html estimate wide.csv --catalog=wide.textproto --plan=all \
  --available=300@2027-03-01T12:00:00Z "$start"
echo "$failures failures"
[ "$failures" -eq 0 ]
