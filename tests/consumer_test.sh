#!/usr/bin/env bash
# Another workspace embeds the library: builds and runs, offline, the consumer
# that the README shows.
set -euo pipefail

# block NAME: the README's code block behind `<!-- consumer: NAME -->`.
block() {
  sed -n "/^<!-- consumer: $1 -->\$/,/^\`\`\`\$/p" README.md | sed '1,2d;$d'
}

# The real files behind the test's links are the workspace.
konpro=$(dirname "$(readlink -f WORKSPACE)")
consumer=$TEST_TMPDIR/consumer
mkdir -p "$consumer"
block WORKSPACE | sed "s|\.\./konpro|$konpro|" >"$consumer/WORKSPACE"
block BUILD >"$consumer/BUILD"
block consumer.cc >"$consumer/consumer.cc"
block job.cc >"$consumer/job.cc"

cd "$consumer"
export HOME=$TEST_TMPDIR
run_bazel() {
  bazel --output_user_root="$TEST_TMPDIR/bazel" "$@"
}
run_bazel build --jobs=2 --cxxopt=-std=c++20 --host_cxxopt=-std=c++20 \
  --spawn_strategy=local //:consumer //:job
output=$(bazel-bin/consumer)
job=$(bazel-bin/job)
# Once more: the same ids, the same outcomes.
again=$(bazel-bin/job)
run_bazel shutdown
echo "$output"
echo "$job"
[ "$output" = "OK 270 credits" ]
shown=$(sed -n '/^200 {"id":"job-7"/,/^```$/p' "$OLDPWD/README.md" | sed '$d')
diff <(echo "$shown") <(echo "$job")
diff <(echo "$shown" | sed 's/"replayed":false/"replayed":true/') \
  <(echo "$again")
# "The whole life of a job in under 60 lines."
[ "$(wc -l <job.cc)" -lt 60 ]
