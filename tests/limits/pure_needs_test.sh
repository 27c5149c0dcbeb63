#!/bin/bash
# No path of dependencies leads from what is pure to the 16-byte instruction.
#
#   pure_needs_test.sh PATH
set -euo pipefail

if [[ -s "$1" ]]; then
  echo "FAILED: what is pure needs the cell:"
  cat "$1"
  exit 1
fi
