#!/bin/bash
# The instructions of TryAcquire() in an optimised build: one is locked; none
# calls or divides. What lies behind a lost race is in a section of its own. That
# a refusal does not come to the locked one, limiter_test proves on a page that
# cannot be written.
#
#   limiter_fast_path_test.sh ARCHIVE
set -euo pipefail

archive="$1"
listing="${TEST_TMPDIR}/listing"
objdump -d --no-show-raw-insn "${archive}" > "${listing}"

if ! objdump -f "${archive}" | grep -q x86-64; then
  echo "skipped: not x86-64"
  exit 0
fi
if ! objdump -s -j .comment "${archive}" | grep -q GCC; then
  echo "skipped: the mix is GCC's"
  exit 0
fi

# Prints the instructions of the function that is $1 and nothing else; padding,
# which lies behind jumps and is never executed, is none.
body() {
  awk -v head="<$1>:" '$2 == head {on = 1; next} /^$/ {on = 0} on' "${listing}" |
    cut -f2- | grep -vE '^(cs |data16 )*nop|^xchg +%ax,%ax'
}
count() { grep -cE "$1" <<< "${fast}" || true; }

fast="$(body KonproFastPath)"
failed=0
expect() {  # what, count, expected
  if [[ "$2" != "$3" ]]; then
    echo "FAILED: $2 $1, not $3"
    failed=1
  fi
}
expect "instructions that are locked" "$(count '^lock |^xchg .*\(')" 1
expect "exchanges of 16 bytes" "$(count '^lock cmpxchg16b')" 1
expect "calls" "$(count '^call')" 0
expect "divisions" "$(count '^i?div')" 0
total="$(wc -l <<< "${fast}")"
echo "${total} instructions"
if (( total < 40 || total > 240 )); then
  echo "FAILED: ${total} instructions are not within 40 .. 240"
  failed=1
fi
if (( failed )); then
  echo "${fast}"
fi
exit "${failed}"
