#!/bin/bash
# atomic_u128_test for AArch64: built by Debian's cross compiler against gtest's
# sources (g++-aarch64-linux-gnu, googletest), run by qemu-user. Passes with a
# word where they are not installed.
set -euo pipefail

readonly GTEST=/usr/src/googletest/googletest
readonly COMPILER=aarch64-linux-gnu-g++
for needed in "${COMPILER}" qemu-aarch64; do
  if ! command -v "${needed}" > /dev/null; then
    echo "skipped: no ${needed} here"
    exit 0
  fi
done
if [[ ! -d "${GTEST}" ]]; then
  echo "skipped: no ${GTEST} here"
  exit 0
fi

binary="${TEST_TMPDIR}/atomic_u128_test"
"${COMPILER}" -std=c++20 -O1 -static -Wall -Wextra \
  -Wno-missing-field-initializers -I. \
  -isystem "${GTEST}/include" -isystem "${GTEST}" \
  tests/atomic_u128_test.cc "${GTEST}/src/gtest-all.cc" \
  "${GTEST}/src/gtest_main.cc" -o "${binary}"
qemu-aarch64 "${binary}"
