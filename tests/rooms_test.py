#!/usr/bin/env python3
"""The folders of konpro/ are the architecture.

A room includes itself and the rooms before it in ROOMS, never a later one, so
that the folders have no cycle; and no room includes another's internal/, but
for base/internal/. Bazel refuses the same by visibility: a target of
tests/rooms/ that reaches into a room's internals must not build.
"""

import os
import pathlib
import re
import subprocess
import sys

ROOMS = ('base limits catalog estimate ledger access sqlite input report serve '
         'cli').split()
# Rooms without an arrow between them, though one stands first above.
APART = {('report', 'input'), ('input', 'report')}

ROOT = pathlib.Path(os.readlink('WORKSPACE') if os.path.islink('WORKSPACE')
                    else 'WORKSPACE').resolve().parent


def wrong_includes():
  """What is wrong with the includes of each source, a line each."""
  for path in sorted((ROOT / 'konpro').rglob('*')):
    if path.suffix not in ('.h', '.cc'):
      continue
    room = path.relative_to(ROOT / 'konpro').parts[0]
    text = path.read_text()
    for other, internal in re.findall(r'#include "konpro/(\w+)/(internal/)?',
                                      text):
      name = f'{path.relative_to(ROOT)}: includes konpro/{other}/{internal}'
      if ROOMS.index(other) > ROOMS.index(room) or (room, other) in APART:
        yield f'{name}: {room} is not after {other}'
      if internal and other not in (room, 'base'):
        yield f'{name}: only {other} may'


def folders():
  return sorted(p.name for p in (ROOT / 'konpro').iterdir() if p.is_dir())


def rooms_with_internals():
  return [r for r in ROOMS if r != 'base' and
          (ROOT / 'konpro' / r / 'internal' / 'BUILD').exists()]


def bazel(*arguments):
  return subprocess.run(
      ['bazel', f'--output_user_root={os.environ["TEST_TMPDIR"]}/bazel',
       *arguments],
      cwd=ROOT, env={**os.environ, 'HOME': os.environ['TEST_TMPDIR']},
      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def outsiders_that_build():
  """The rooms into whose internals a target of tests/rooms/ can reach."""
  for room in rooms_with_internals():
    run = bazel('build', '--nobuild', '--symlink_prefix=/',
                f'//tests/rooms:outside_{room}')
    if run.returncode == 0 or 'is not visible from' not in run.stdout:
      yield f'//tests/rooms:outside_{room}: {run.stdout}'
  bazel('shutdown')


def main():
  errors = list(wrong_includes())
  if folders() != sorted(ROOMS):
    errors.append(f'konpro/ has {folders()}, not {sorted(ROOMS)}')
  if not errors:
    errors += outsiders_that_build()
  print('\n'.join(errors))
  return 1 if errors else 0


sys.exit(main())
