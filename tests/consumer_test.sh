#!/usr/bin/env bash
# Another workspace embeds the library: builds and runs a small program against
# @konpro//konpro, offline, with the WORKSPACE that the README shows.
set -euo pipefail

# The real files behind the test's links are the workspace.
konpro=$(dirname "$(readlink -f WORKSPACE)")
consumer=$TEST_TMPDIR/consumer
mkdir -p "$consumer"
sed "s|@KONPRO@|$konpro|" tests/consumer/WORKSPACE.in >"$consumer/WORKSPACE"
cp tests/consumer/BUILD.in "$consumer/BUILD"
cp tests/consumer/consumer.cc "$consumer/"

cd "$consumer"
export HOME=$TEST_TMPDIR
bazel --output_user_root="$TEST_TMPDIR/bazel" build \
  --jobs=2 --cxxopt=-std=c++20 --host_cxxopt=-std=c++20 --spawn_strategy=local \
  //:consumer
output=$(bazel-bin/consumer)
bazel --output_user_root="$TEST_TMPDIR/bazel" shutdown
echo "$output"
[ "$output" = "OK 270 credits" ]
