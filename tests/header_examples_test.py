#!/usr/bin/env python3
"""Every example in a public header is code that a test compiles.

An example is an indented block in the comment that begins a header, after a
blank line of it. Each of its lines, without its comment, must stand in
tests/ROOM/header_examples_test.cc, in order, after a line `// HEADER`; blanks
do not count, and `...` stands for anything.
"""

import os
import pathlib
import re
import sys

ROOMS = ('base limits catalog estimate ledger access sqlite input report '
         'serve').split()

ROOT = pathlib.Path(os.readlink('WORKSPACE') if os.path.islink('WORKSPACE')
                    else 'WORKSPACE').resolve().parent


def squeezed(text):
  return re.sub(r'\s+', '', text)


def examples(header):
  """The lines of code of the header's examples."""
  in_example = False
  after_blank = False
  for line in header.read_text().splitlines():
    if not line.startswith('//'):
      return
    text = line[2:]
    if not text.strip():
      after_blank = True
      continue
    if re.match(r' {3,}\S', text):
      in_example = in_example or after_blank
      if in_example:
        code = re.sub(r'(^|\s)//.*', '', text).strip()
        if code:
          yield code.rstrip(';')
    else:
      in_example = False
    after_blank = False


def missing(room):
  """What the test of a room lacks, a line each."""
  path = ROOT / 'tests' / room / 'header_examples_test.cc'
  test = path.read_text() if path.exists() else ''
  for header in sorted((ROOT / 'konpro' / room).glob('*.h')):
    lines = list(examples(header))
    if not lines:
      continue
    _, marker, rest = test.partition(f'  // {header.name}\n')
    if not marker:
      yield f'{header.relative_to(ROOT)}: no "// {header.name}" in the test'
      continue
    # Comments are no code, and a header's example is in one test.
    rest = squeezed(re.sub(r'(^|\s)//.*', '', rest.split('\nTEST(')[0],
                           flags=re.M))
    at = 0
    for line in lines:
      for part in line.split('...'):
        found = rest.find(squeezed(part), at)
        if found < 0:
          yield f'{header.relative_to(ROOT)}: not compiled in order: {line}'
          break
        at = found + len(squeezed(part))


failures = [lack for room in ROOMS for lack in missing(room)]
print('\n'.join(failures) or 'every example is compiled')
sys.exit(bool(failures))
