#!/usr/bin/env bash
# What the README shows of the command's output is what the command prints.
set -euo pipefail

# The ledger of the README is made by its own commands, in a folder of the test.
db=$TEST_TMPDIR/credits.db
while read -r _ arguments; do
  # shellcheck disable=SC2086  # The words are the command's arguments.
  konpro/cli/konpro ${arguments/credits.db/$db} >/dev/null 2>&1 || true
done < <(sed -n '/^<!-- setup -->$/,/^```$/p' README.md | grep '^konpro ')

count=0
while IFS= read -r marker; do
  arguments=${marker#<!-- output: }
  arguments=${arguments% -->}
  shown=$(sed -n "\|^<!-- output: $arguments -->\$|,/^\`\`\`\$/p" README.md |
    sed '1,2d;$d')
  # shellcheck disable=SC2086  # The words are the command's arguments.
  printed=$(konpro/cli/konpro ${arguments/credits.db/$db} 2>/dev/null || true)
  if [ "$shown" != "$printed" ]; then
    diff <(echo "$shown") <(echo "$printed")
    exit 1
  fi
  count=$((count + 1))
done < <(grep '^<!-- output: ' README.md)
echo "$count outputs compared"
[ "$count" -gt 0 ]
