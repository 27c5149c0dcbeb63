#!/usr/bin/env bash
# Installs what konpro needs: packages of Debian 12, nothing else. Safe to run
# again. Needs root, or sudo.
#
#   install.sh           what building and running the command needs
#   install.sh --tests   what tests, benchmarks and checks need as well
#
# The second set holds a browser, proxies, an emulator and the libraries of a
# second architecture: it is several times as large.
set -euo pipefail

BUILD_PACKAGES=(
  # Bazel and the compiler.
  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto
  g++ pkg-config
  # The time zones of allowances.
  tzdata
  # Libraries.
  libabsl-dev libprotobuf-dev protobuf-compiler
  libcli11-dev libcsv-dev libsqlite3-dev libssl-dev zlib1g-dev
  libmicrohttpd-dev libcurl4-openssl-dev
)
TEST_PACKAGES=(
  # Libraries and tools of tests, benchmarks and checks.
  libgtest-dev libgmock-dev libbenchmark-dev
  clang libclang-rt-14-dev clang-format binutils python3
  # A browser and a font, to look at the HTML pages.
  chromium fonts-dejavu-core
  # Proxies in front of the server, a client, and a load generator.
  nginx-light caddy haproxy curl wrk
  # The limiter's tests for AArch64, run by an emulator.
  g++-aarch64-linux-gnu qemu-user
  libabsl-dev:arm64 libgtest-dev:arm64 libgmock-dev:arm64
)

die() {
  echo "install.sh: $*" >&2
  exit 1
}

packages=("${BUILD_PACKAGES[@]}")
case "$*" in
'') ;;
--tests) packages+=("${TEST_PACKAGES[@]}") ;;
--help | -h)
  sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
  exit 0
  ;;
*) die "unknown arguments: $*. Usage: install.sh [--tests]" ;;
esac

# shellcheck source=/dev/null
. /etc/os-release 2>/dev/null || die "no /etc/os-release: this is for Debian 12"
if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ]; then
  die "this is for Debian 12, not for ${PRETTY_NAME:-an unknown system}." \
    "Install the equivalents of: ${packages[*]}"
fi

# A package may be there for several architectures; NAME means this machine's.
native=$(dpkg --print-architecture)
is_installed() {
  local name=${1%%:*} architecture=$native
  [ "$name" = "$1" ] || architecture=${1#*:}
  dpkg-query -W -f '${Architecture} ${Status}\n' "$name" 2>/dev/null |
    grep -xE "($architecture|all) install ok installed" >/dev/null
}

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "install.sh: all ${#packages[@]} packages are installed."
  exit 0
fi

if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null; then
  as_root=(sudo)
else
  die "run this as root, or install sudo. Missing: ${missing[*]}"
fi

echo "install.sh: installing ${missing[*]}"
if [[ "${missing[*]}" == *:arm64* ]] &&
  ! dpkg --print-foreign-architectures | grep -qx arm64; then
  echo "install.sh: adding the architecture arm64 to dpkg, for its libraries"
  "${as_root[@]}" dpkg --add-architecture arm64
fi
"${as_root[@]}" apt-get update -qq -o Acquire::Retries=3
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq -o Acquire::Retries=3 --no-install-recommends \
  "${missing[@]}" >/dev/null ||
  die "apt-get failed, see above. It is safe to run this again."
echo "install.sh: done."
