#!/usr/bin/env bash
# The golden pages in a browser: they load without a word on the console, their
# charts are there, and on a phone nothing has to be scrolled sideways.
set -euo pipefail

command -v chromium >/dev/null || {
  echo "no chromium: third_party/install.sh --tests installs it"
  exit 1
}
golden=$PWD/tests/cli/golden
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# browse URL ARGUMENT...: runs the browser without a network, a profile and a
# sandbox of its own; what the page says on its console goes to $work/log.
browse() {
  local url=$1
  shift
  rm -rf "$work/profile"
  timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic \
    --disable-dev-shm-usage --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars \
    --host-resolver-rules='MAP * ~NOTFOUND' --allow-file-access-from-files \
    --user-data-dir="$work/profile" --enable-logging=stderr "$@" "$url" \
    2>"$work/log"
}

# A page that asks for what its policy must refuse is how this test knows that it
# would see a violation; they are written on the console, too.
sed 's|</body>|<img src="x.png"><script>document.title="ran"</script></body>|' \
  "$golden/plans.html" >"$work/violating.html"
browse "file://$work/violating.html" --dump-dom >"$work/dom"
grep -q ':CONSOLE' "$work/log" || fail 'a violation is not on the console'
if grep -q '<title>ran' "$work/dom"; then fail 'the policy let a script run'; fi

# Each page in frames as wide as phones and screens are. A frame says how wide its
# content is, how many charts can be seen, how many of them have a name and a
# description, and how many of their texts stick out.
{
  echo '<!DOCTYPE html><meta charset="utf-8"><body><pre id="result"></pre>'
  for page in plans range names forecast; do
    for width in 320 375 768 1024; do
      echo "<iframe src=\"file://$golden/$page.html\" title=\"$page $width\"" \
        "style=\"border:0;width:${width}px;height:800px\"></iframe>"
    done
  done
  cat <<'HTML'
<script>
function describe(frame) {
  const page = frame.contentDocument;
  const width = frame.getBoundingClientRect().width;
  const seen = [...page.querySelectorAll("svg[role=img]")]
      .filter((svg) => svg.getBoundingClientRect().width > 0);
  const named = seen.filter((svg) =>
      svg.getAttribute("aria-labelledby").split(" ").every((id) =>
          page.querySelectorAll("#" + CSS.escape(id)).length == 1 &&
          page.getElementById(id).textContent != ""));
  const outside = seen.flatMap((svg) => [...svg.querySelectorAll("text")])
      .map((text) => text.getBoundingClientRect())
      .filter((box) => box.left < -1 || box.right > width + 1);
  return frame.title + ": wide=" + page.documentElement.scrollWidth +
      " charts=" + seen.length + " named=" + named.length +
      " outside=" + outside.length;
}
window.onload = () => {
  document.getElementById("result").textContent =
      [...document.querySelectorAll("iframe")].map(describe).join("\n") + "\n";
};
</script>
HTML
} >"$work/frames.html"
browse "file://$work/frames.html" --dump-dom --window-size=1200,900 >"$work/dom"
if grep ':CONSOLE' "$work/log"; then fail 'a page wrote on the console'; fi
for page in 'plans 5' 'range 3' 'names 4' 'forecast 3'; do
  read -r name charts <<<"$page"
  for width in 320 375 768 1024; do
    expected="$name $width: wide=$width charts=$charts named=$charts outside=0"
    grep -q "$expected\$" "$work/dom" ||
      fail "expected $expected, not: $(grep "$name $width:" "$work/dom")"
  done
done

browse "file://$golden/plans.html" --print-to-pdf="$work/page.pdf"
[ "$(head -c 5 "$work/page.pdf")" = '%PDF-' ] || fail 'no page for a printer'
echo "$failures failures"
[ "$failures" -eq 0 ]
