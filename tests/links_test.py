#!/usr/bin/env python3
"""Names in the documentation are there: links, paths, labels, options.

In every *.md: the file and the heading that a relative link names; a path in
backticks that begins with a folder of the project; a label such as `//konpro/limits`
or `@konpro//konpro`; an `--option` after konpro, which some command's help must have.
In the comments of sources: a heading that is cited by its page and in quotes.
"""

import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
PATH = re.compile(
    r"`((?:konpro|proto|tests|benchmarks|examples|docs|third_party|\.ci)/[\w./-]+)`"
)
LABEL = re.compile(r"(?<![\w:])(?:@konpro)?//((?:[a-z_]+/?)*)(?::([\w.]+))?(?=[\s`,)\"]|$)")

SOURCES = ("konpro", "proto", "tests", "benchmarks", "third_party")


def slug(heading):
    """The anchor that a heading gets."""
    text = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return text.replace(" ", "-")


def headings(path):
    return {slug(line.lstrip("#")) for line in path.read_text().splitlines()
            if re.match(r"#+ ", line)}


def broken_links(root, path, text):
    for match in LINK.finditer(text):
        target = match.group(1) or match.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name) if name else path
        if not found.exists():
            yield "link to %s" % target
        elif anchor and found.suffix == ".md" and anchor not in headings(found):
            yield "link to %s: no such heading" % target


def missing_paths(root, path, text):
    for name in PATH.findall(text):
        if "NAME" not in name and not (root / name).exists():
            yield "path %s" % name


def missing_labels(root, path, text):
    for package, target in LABEL.findall(text):
        package = package.rstrip("/")
        build = root / package / "BUILD"
        if package == "visibility" or not package and not target:
            continue
        if not build.exists():
            yield "label //%s: no such package" % package
            continue
        target = target or package.split("/")[-1]
        known = re.findall(r"name = \"([^\"]+)\"", build.read_text())
        if target not in known and not (root / package / target).exists() and target != "all":
            yield "label //%s:%s" % (package, target)


def missing_headings(root, text):
    """Citations in the comments of a source that no heading answers."""
    joined = re.sub(r"\n\s*(?://|#) ?", " ", text)
    for document, heading in re.findall(r"(docs/\w+\.md), \"([^\"]+)\"", joined):
        path = root / document
        if not path.exists() or slug(heading) not in headings(path):
            yield "%s has no \"%s\"" % (document, heading)


def options_of(konpro):
    """Every option that some command's help has."""
    options = set()
    todo = [[]]
    while todo:
        command = todo.pop()
        text = subprocess.run([konpro, *command, "--help"], capture_output=True,
                              text=True, timeout=60).stdout
        options |= set(re.findall(r"--[a-z][a-z-]*", text))
        _, _, subcommands = text.partition("Subcommands:")
        if len(command) < 2:
            todo += [command + [name] for name in
                     re.findall(r"^  ([a-z][a-z-]*)", subcommands, re.M)]
    return options


def unknown_options(options, text):
    for line in re.sub(r"\\\n", " ", text).splitlines():
        match = re.search(r"(?:^|[`$ ])konpro [a-z].*", line)
        for option in re.findall(r"(?<!\w)--[a-z][a-z-]*", match.group() if match else ""):
            if option not in options:
                yield "option %s in: %s" % (option, line.strip())


def main():
    # The real file of this link is in the source tree, with all the others.
    root = pathlib.Path("WORKSPACE").resolve().parent
    options = options_of("konpro/cli/konpro")
    failures = []
    documents = [path for path in sorted(root.rglob("*.md"))
                 if not any(part.startswith("bazel-") for part in path.parts)
                 and ".git" not in path.parts]
    for path in documents:
        text = path.read_text()
        shown = re.sub(r"<!--.*?-->", "", text)
        found = [*broken_links(root, path, shown), *missing_labels(root, path, shown),
                 *unknown_options(options, shown)]
        if path.name != "CHANGELOG.md":  # It names what was there before.
            found += missing_paths(root, path, shown)
        failures += ["%s: %s" % (path.relative_to(root), what) for what in found]
    sources = [path for folder in SOURCES for path in sorted((root / folder).rglob("*.*"))
               if path.suffix in (".h", ".cc", ".proto", ".sh", ".py", ".bzl")]
    for path in sources:
        failures += ["%s: %s" % (path.relative_to(root), what)
                     for what in missing_headings(root, path.read_text())]
    for failure in failures:
        print("FAILED: " + failure)
    print("%d documents, %d sources, %d options known, %d failures" %
          (len(documents), len(sources), len(options), len(failures)))
    return 1 if failures or not documents or not sources or len(options) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
