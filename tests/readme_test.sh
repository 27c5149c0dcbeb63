#!/usr/bin/env bash
# What the README shows of the command's output is what the command prints.
set -euo pipefail

count=0
while IFS= read -r marker; do
  arguments=${marker#<!-- output: }
  arguments=${arguments% -->}
  shown=$(sed -n "\|^<!-- output: $arguments -->\$|,/^\`\`\`\$/p" README.md |
    sed '1,2d;$d')
  # shellcheck disable=SC2086  # The words are the command's arguments.
  printed=$(konpro/cli/konpro $arguments 2>/dev/null || true)
  if [ "$shown" != "$printed" ]; then
    diff <(echo "$shown") <(echo "$printed")
    exit 1
  fi
  count=$((count + 1))
done < <(grep '^<!-- output: ' README.md)
echo "$count outputs compared"
[ "$count" -gt 0 ]
