#!/usr/bin/env python3
"""What the documentation shows is what happens.

In README.md and docs/*.md, each document in a folder of its own that has
examples/ in it:

  ```console                a session: each `$ COMMAND` is run, and prints what
                            follows it (standard output, then standard error)
  <!-- setup -->            the commands of the next block are run before that;
                            none has a wrong option
  <!-- run: PROGRAM -->     the next block is what examples/embed's PROGRAM prints
  <!-- file: PATH -->       the next block is that file

After a change that is meant: bazel run //tests:readme_test -- --update
"""

import pathlib
import re
import subprocess
import sys
import tempfile

# The forms of a block that is checked; other blocks are left alone.
MARKER = re.compile(r"<!-- (setup|run|file)(?:: (\S+))? -->")
README_LINES_MAX = 220
# konpro's exit codes for its own errors and wrong options.
ERRORS = (1, 2)
# The shell's: a command that cannot be run, or that is not there.
NOT_RUN = (126, 127)


class Failure(Exception):
    pass


class Document:
    """One document, and the folder that its commands run in."""

    def __init__(self, path, root, built, scratch):
        self.path = path
        self.root = root
        self.built = built
        self.scratch = scratch
        self.checked = 0
        scratch.mkdir()
        (scratch / "examples").symlink_to(root / "examples")
        self.environment = {
            "PATH": "%s:/usr/bin:/bin" % (built / "konpro/cli"),
            "HOME": str(scratch),
            "LC_ALL": "C.UTF-8",
        }

    def run(self, command):
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.scratch,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def session(self, body):
        """A session's lines, with the outputs as they are."""
        result = []
        lines = iter(body)
        for line in lines:
            if not line.startswith("$ "):
                continue
            command = [line[2:]]
            result.append(line)
            while command[-1].endswith("\\"):
                command.append(next(lines))
                result.append(command[-1])
            done = self.run("\n".join(command))
            if done.returncode in NOT_RUN:
                raise Failure("\n".join(command) + ": " + done.stderr)
            result += (done.stdout + done.stderr).splitlines()
            self.checked += 1
        return result

    def setup(self, body):
        for command in "\n".join(body).replace("\\\n", " ").splitlines():
            done = self.run(command)
            if done.returncode in ERRORS + NOT_RUN:
                raise Failure("%s: %s" % (command, done.stderr))
            self.checked += 1
        return body

    def block(self, language, marker, body):
        """What the block should hold."""
        kind, argument = marker if marker else (None, None)
        if kind == "setup":
            return self.setup(body)
        if kind == "run":
            self.checked += 1
            done = self.run(str(self.built / "examples/embed" / argument))
            if done.returncode != 0:
                raise Failure("%s: %s" % (argument, done.stderr))
            return (done.stdout + done.stderr).splitlines()
        if kind == "file":
            self.checked += 1
            return (self.root / argument).read_text().splitlines()
        return self.session(body) if language == "console" else body

    def checked_text(self):
        """The document's text, with every block as it should be."""
        result = []
        marker = None
        lines = iter((self.root / self.path).read_text().splitlines())
        for line in lines:
            result.append(line)
            match = MARKER.fullmatch(line)
            if match:
                marker = match.groups()
            elif line.startswith("```"):
                body = []
                for line_of_body in lines:
                    if line_of_body == "```":
                        break
                    body.append(line_of_body)
                else:
                    raise Failure("a block without an end")
                result += self.block(line[3:], marker, body) + ["```"]
                marker = None
            elif marker and line:
                raise Failure("no block after <!-- %s -->" % marker[0])
        return "\n".join(result) + "\n"


def differs(path, shown, found):
    if shown == found:
        return False
    with tempfile.NamedTemporaryFile("w", suffix=".md") as expected:
        expected.write(found)
        expected.flush()
        subprocess.run(["diff", "-u", str(path), expected.name], check=False)
    return True


def main():
    built = pathlib.Path.cwd()
    # The real file of this link is in the source tree, with the documents.
    root = pathlib.Path("WORKSPACE").resolve().parent
    update = sys.argv[1:] == ["--update"]
    failures = []
    checked = 0
    with tempfile.TemporaryDirectory() as work:
        documents = ["README.md"]
        documents += sorted("docs/" + p.name for p in (root / "docs").glob("*.md"))
        for number, path in enumerate(documents):
            scratch = pathlib.Path(work) / str(number)
            document = Document(path, root, built, scratch)
            try:
                found = document.checked_text()
            except Failure as failure:
                failures.append("%s: %s" % (path, failure))
                continue
            checked += document.checked
            if update:
                (root / path).write_text(found)
            elif differs(root / path, (root / path).read_text(), found):
                failures.append("%s shows something else" % path)
    lines = len((root / "README.md").read_text().splitlines())
    if lines > README_LINES_MAX:
        failures.append("README.md has %d lines" % lines)
    if checked == 0:
        failures.append("nothing was checked")
    print("%d documents, %d blocks and commands checked" % (len(documents), checked))
    for failure in failures:
        print("FAILED: " + failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
