#!/usr/bin/env bash
# Another workspace embeds the library: builds and runs, offline, the one of
# examples/embed, whose files the documentation shows.
set -euo pipefail

# The real files behind the test's links are the workspace.
konpro=$(dirname "$(readlink -f WORKSPACE)")
consumer=$TEST_TMPDIR/consumer
mkdir -p "$consumer"
cp -r "$konpro/examples/embed/." "$consumer"
sed -i "s|\"\.\./\.\.\"|\"$konpro\"|" "$consumer/WORKSPACE"
grep -qF "\"$konpro\"" "$consumer/WORKSPACE"

konpro_command=$PWD/konpro/cli/konpro

cd "$consumer"
export HOME=$TEST_TMPDIR
run_bazel() {
  bazel --output_user_root="$TEST_TMPDIR/bazel" "$@"
}
run_bazel build --jobs=2 --spawn_strategy=local //:estimate //:limit //:admit
estimate=$(bazel-bin/estimate)
limit=$(bazel-bin/limit)
admit=$(bazel-bin/admit)
# Once more: the key is new, the credits are there once, and the id of the job
# that has ended admits nothing.
again=$(bazel-bin/admit) && exit 1
run_bazel shutdown
history=$("$konpro_command" ledger --db=credits.db export |
  sed 's/.*"id":"\([^"]*\)","command":"\([a-z]*\)","outcome":"applied".*/\2 \1/')
printf '%s\n' "$estimate" "$limit" "$admit" "$again" "$history"

[ "$estimate" = "OK 270 credits" ]
[ "$(tail -1 <<<"$limit")" = "request 61: refused, retry in 15s" ]
[[ $admit == '200 {"id":"job-7","held":{"credits":"90",'* ]]
[ "$(tail -1 <<<"$admit")" = "84 charged, 6 released, 16 left" ]
[[ $again == '409 {'*'"code":"job_ended"'* ]]
diff - <(echo "$history") <<'END'
grant welcome
reserve admit:job-7
capture complete:84000:job-7
END
# The whole life of a job, in under 60 lines.
[ "$(wc -l <admit.cc)" -lt 60 ]
