#!/usr/bin/env bash
# Installs the command: bazel run //:install -- --prefix=DIR puts it at
# DIR/bin/konpro, and says so if the shell would not find it there.
set -euo pipefail

usage='usage: bazel run //:install -- --prefix=DIR

Installs the command as DIR/bin/konpro: --prefix=$HOME/.local for yourself,
--prefix=/usr/local for everybody. A relative DIR is relative to where you are.'

die() {
  echo "install: $*" >&2
  exit 2
}

prefix=
for argument in "$@"; do
  case $argument in
  --prefix=*)
    [ -z "$prefix" ] || die "--prefix is given twice"
    prefix=${argument#--prefix=}
    [ -n "$prefix" ] || die "--prefix names no directory"
    ;;
  --prefix) die "write --prefix=DIR, with an equals sign" ;;
  --help | -h)
    echo "$usage"
    exit 0
    ;;
  *) die "unknown argument: $argument"$'\n'"$usage" ;;
  esac
done
[ -n "$prefix" ] || die "no --prefix"$'\n'"$usage"

# shellcheck disable=SC2088  # The shell leaves a tilde after = as it is.
case $prefix in
'~' | '~/'*) die "the shell does not expand ~ here: write \$HOME${prefix#\~}" ;;
/*) ;;
*) prefix=${BUILD_WORKING_DIRECTORY:-$PWD}/$prefix ;;
esac

command=konpro/cli/konpro
[ -x "$command" ] || die "no $command here: run this as bazel run //:install"
bin=${prefix%/}/bin
target=$bin/konpro
mkdir -p "$bin" 2>/dev/null || die "cannot create the directory $bin"
[ ! -d "$target" ] || die "$target is a directory"
# Renamed into place: a konpro that is running keeps its file.
temporary=$(mktemp "$bin/.konpro.XXXXXX" 2>/dev/null) ||
  die "cannot write to $bin"
trap 'rm -f "$temporary"' EXIT
cp "$command" "$temporary" && chmod 755 "$temporary" &&
  "$temporary" --version >/dev/null && mv -f "$temporary" "$target" ||
  die "could not install $target"
echo "install: $target"

found=$(command -v konpro || true)
if [ "$found" = "$target" ]; then
  exit 0
elif [ -n "$found" ]; then
  echo "install: but your PATH finds $found first. Put this first:"
else
  echo "install: $bin is not on your PATH. Add it, in ~/.profile to keep it:"
fi
echo "  export PATH=\"$bin:\$PATH\""
