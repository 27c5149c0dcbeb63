#!/usr/bin/env bash
# bazel run //:install: the command in a prefix, and what is refused.
set -euo pipefail

work=$TEST_TMPDIR/install
mkdir -p "$work"
prefix=$work/prefix

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# expect CODE TEXT COMMAND...: its exit code, and what its output contains.
expect() {
  local code=$1 text=$2 status=0 output
  shift 2
  output=$("$@" 2>&1) || status=$?
  [ "$status" -eq "$code" ] && [[ $output == *"$text"* ]] ||
    fail "$*: exit code $status, not $code, or no '$text' in: $output"
}

# Installed, it runs from anywhere, and the line that is printed finds it.
expect 0 "install: $prefix/bin/konpro" ./install --prefix="$prefix"
expect 0 "$prefix/bin is not on your PATH" ./install --prefix="$prefix"
line=$(./install --prefix="$prefix" | grep '^  export ')
(cd / && eval "$line" && konpro --version) | grep -q '^konpro ' ||
  fail "'$line' does not find konpro"
[ "$(ls -A "$prefix/bin")" = konpro ] || fail "left over: $(ls -A "$prefix/bin")"

# A konpro that is running keeps its file.
ln "$prefix/bin/konpro" "$work/running"
expect 0 "install: $prefix/bin/konpro" ./install --prefix="$prefix"
[ ! "$prefix/bin/konpro" -ef "$work/running" ] || fail 'written in place'

# One that does not run is not installed, and nothing is left over.
mkdir -p "$work/broken/konpro/cli"
printf '#!/bin/sh\nexit 1\n' >"$work/broken/konpro/cli/konpro"
chmod +x "$work/broken/konpro/cli/konpro"
install=$PWD/install
(cd "$work/broken" && expect 2 "could not install $work/none/bin/konpro" \
  "$install" --prefix="$work/none")
[ -z "$(ls -A "$work/none/bin")" ] || fail "left over: $(ls -A "$work/none/bin")"

# Where it is found already, nothing has to be added; another one is named.
output=$(PATH=$prefix/bin:$PATH ./install --prefix="$prefix")
[ "$output" = "install: $prefix/bin/konpro" ] || fail "printed: $output"
expect 0 "your PATH finds $prefix/bin/konpro first" \
  env PATH="$prefix/bin:$PATH" ./install --prefix="$work/other"

# A relative prefix is relative to where bazel run was called.
expect 0 "install: $work/here/bin/konpro" \
  env BUILD_WORKING_DIRECTORY="$work" ./install --prefix=here

expect 0 'usage: ' ./install --help
expect 2 'no --prefix' ./install
expect 2 'names no directory' ./install --prefix=
expect 2 'is given twice' ./install --prefix="$work/a" --prefix="$work/b"
expect 2 'with an equals sign' ./install --prefix "$work/a"
expect 2 'unknown argument: --to=a' ./install --to=a
expect 2 "write \$HOME/.local" ./install '--prefix=~/.local'
touch "$work/file"
expect 2 "cannot create the directory $work/file/bin" \
  ./install --prefix="$work/file"
mkdir -p "$work/taken/bin/konpro"
expect 2 "$work/taken/bin/konpro is a directory" ./install --prefix="$work/taken"
echo PASS
