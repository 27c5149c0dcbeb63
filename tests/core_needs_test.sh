#!/usr/bin/env bash
# The header-light core needs Abseil and nothing else of what the project links.
set -euo pipefail

others=$(grep -E '^@' tests/core_needs |
  grep -vE '^@(com_google_absl|bazel_tools|local_config_|platforms|rules_)' ||
  true)
rooms=$(grep -E '^//' tests/core_needs |
  grep -vE '^//(konpro(:|/(base|limits|catalog|estimate|ledger)[:/])|external:)' ||
  true)
if [ -n "$others$rooms" ]; then
  echo "//konpro needs: $others $rooms"
  exit 1
fi
grep -q '^@com_google_absl//' tests/core_needs
