#!/bin/bash
# The limiter for AArch64: its tests, built by Debian's cross compiler against
# Debian's Abseil and gtest of that architecture, run by qemu-user. Not those
# that replay millions of steps: what they find is the same everywhere.
set -euo pipefail

for needed in aarch64-linux-gnu-g++ qemu-aarch64 pkg-config; do
  command -v "${needed}" > /dev/null ||
    { echo "no ${needed}: run third_party/install.sh --tests"; exit 1; }
done

export PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig
absl=$(pkg-config --static --libs absl_status absl_statusor absl_strings \
  absl_time) || { echo "run third_party/install.sh --tests"; exit 1; }

binary="${TEST_TMPDIR}/aarch64_test"
# shellcheck disable=SC2086  # The libraries are words.
aarch64-linux-gnu-g++ -std=c++20 -O1 -static -Wall -Wextra -Werror \
  -Wno-missing-field-initializers -I. \
  tests/*/*_test.cc konpro/limits/rate_window.cc konpro/base/internal/name.cc \
  konpro/base/internal/quantity_text.cc \
  -o "${binary}" -lgmock_main -lgmock -lgtest ${absl}
qemu-aarch64 "${binary}" --gtest_brief=1
