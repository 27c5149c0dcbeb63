#!/usr/bin/env bash
# The golden pages in a browser: they load without a word on the console, their
# charts are there, and on a phone nothing has to be scrolled sideways.
set -euo pipefail

browser=${CHROMIUM:-chromium}
command -v "$browser" >/dev/null || {
  echo "no $browser: third_party/install.sh installs it"
  exit 1
}
golden=$PWD/tests/golden
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
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-quic \
    --disable-dev-shm-usage --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars \
    --host-resolver-rules='MAP * ~NOTFOUND' --allow-file-access-from-files \
    --user-data-dir="$work/profile" --enable-logging=stderr "$@" "$url" \
    2>"$work/log"
}

# console NAME: fails where a page wrote on its console; policy violations are
# written there too.
console() {
  if grep ':CONSOLE' "$work/log"; then fail "$1: wrote on the console"; fi
}

# A page that asks for what a policy must refuse is how this test knows that it
# would see a violation.
sed 's|</body>|<img src="x.png"><script>document.title="ran"</script></body>|' \
  "$golden/plans.html" >"$work/violating.html"
browse "file://$work/violating.html" --dump-dom >"$work/dom"
grep -q ':CONSOLE' "$work/log" || fail 'a violation is not on the console'
if grep -q '<title>ran' "$work/dom"; then fail 'the policy let a script run'; fi

# measure NAME WIDTH: the page in a frame of WIDTH pixels, which says how wide
# its content is and how many charts can be seen, each with a title.
measure() {
  cat >"$work/frame.html" <<HTML
<!DOCTYPE html><meta charset="utf-8"><body>
<iframe id="frame" src="file://$golden/$1" style="border:0;width:$2px;height:800px"></iframe>
<p id="result"></p>
<script>
document.getElementById("frame").onload = function () {
  const page = this.contentDocument;
  const seen = [...page.querySelectorAll("svg[role=img]")]
      .filter((svg) => svg.getBoundingClientRect().width > 0);
  const named = seen.filter((svg) => svg.getAttribute("aria-labelledby").split(" ")
      .every((id) => page.querySelectorAll("#" + CSS.escape(id)).length == 1 &&
                     page.getElementById(id).textContent != ""));
  const outside = seen.flatMap((svg) => [...svg.querySelectorAll("text")]
      .map((text) => text.getBoundingClientRect())
      .filter((box) => box.left < -1 || box.right > $2 + 1));
  document.getElementById("result").textContent =
      "width=" + page.documentElement.scrollWidth + " charts=" + seen.length +
      " named=" + named.length + " outside=" + outside.length;
};
</script>
HTML
  browse "file://$work/frame.html" --dump-dom --window-size=1200,900 |
    sed -n 's/.*<p id="result">\(.*\)<\/p>.*/\1/p'
}

# check NAME CHARTS: a page with so many charts.
check() {
  local name=$1 charts=$2 width result
  browse "file://$golden/$name" --dump-dom >"$work/dom"
  console "$name"
  grep -q '<svg ' "$work/dom" || fail "$name: no chart in the document"
  for width in 320 375 768 1024; do
    result=$(measure "$name" "$width")
    [ "$result" = "width=$width charts=$charts named=$charts outside=0" ] ||
      fail "$name at $width px: $result, expected $charts charts"
    console "$name at $width px"
  done
  browse "file://$golden/$name" --print-to-pdf="$work/page.pdf" \
    --no-pdf-header-footer
  [ "$(head -c 5 "$work/page.pdf")" = '%PDF-' ] || fail "$name: cannot be printed"
}

check plans.html 5
check range.html 3
check names.html 2
check forecast.html 3
echo "$failures failures"
[ "$failures" -eq 0 ]
