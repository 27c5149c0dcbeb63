"""A server as a process, for tests that drive it from outside.

Run in a new folder: the database is credits.db, and the log serve.log.
"""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

KONPRO = str(pathlib.Path('konpro/cli/konpro').resolve())
SHIM = str(pathlib.Path('tests/serve/disk_shim.so').resolve())

failures = []


def enter_new_folder():
  os.chdir(tempfile.mkdtemp(dir=os.environ.get('TEST_TMPDIR')))


def finish():
  sys.exit(1 if failures else 0)


def check(condition, what):
  if not condition:
    failures.append(what)
    print('FAILED:', what, flush=True)


def konpro(*words, code=0):
  run = subprocess.run([KONPRO, *words, '--db=credits.db'], text=True,
                       capture_output=True, check=False, timeout=60)
  if code is not None:
    check(run.returncode == code,
          f'{words} is {run.returncode}: {run.stdout}{run.stderr}')
  return run.stdout + run.stderr


def new_key(account, scope='customer'):
  return json.loads(konpro('keys', 'create', account, f'--scope={scope}',
                           '--format=json'))['key']


def disk(mode):
  """What the disk of a server with disk_shim.c does from now on."""
  with open('mode.new', 'w') as file:
    file.write(mode)
  os.rename('mode.new', 'mode')


def wait(what, is_so, seconds=60):
  end = time.time() + seconds
  while time.time() < end:
    result = is_so()
    if result:
      return result
    time.sleep(0.05)
  print('FAILED: waited for', what, flush=True)
  print(pathlib.Path('serve.log').read_text())
  sys.exit(1)


class Server:

  def __init__(self, *words, with_shim=False):
    self.log = open('serve.log', 'w')
    shim = {'LD_PRELOAD': SHIM, 'KONPRO_DISK': 'mode'} if with_shim else {}
    self.process = subprocess.Popen(
        [KONPRO, 'serve', '--db=credits.db', '--listen=127.0.0.1:0', *words],
        env={**os.environ, **shim}, stdout=self.log, stderr=self.log)
    self.port = int(wait('the server', lambda: re.search(
        r'listening on [^ ]*:(\d+)', self.text())).group(1))

  def text(self):
    return pathlib.Path('serve.log').read_text()

  def ask(self, method, path, body=None, timeout=60, **headers):
    connection = http.client.HTTPConnection('127.0.0.1', self.port,
                                            timeout=timeout)
    if body:
      headers['Content-Type'] = 'application/json'
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text

  def reload(self, said='reloaded catalog'):
    """SIGHUP, until the log says how it ended; what it says."""
    before = len(self.text())
    self.process.send_signal(signal.SIGHUP)
    return wait(said, lambda: re.search(f'.*{said}.*', self.text()[before:])
               ).group()

  def kill(self):
    self.process.kill()
    self.process.wait()

  def stop(self):
    self.process.send_signal(signal.SIGTERM)
    check(self.process.wait(timeout=60) == 0, f'serve ended: {self.text()}')


def write_catalog(path, second):
  """The built-in catalog, with this price of a second of video."""
  built_in = subprocess.run([KONPRO, 'plans', '--format=textproto'], text=True,
                            capture_output=True, check=True).stdout
  text = built_in.replace('credits: "1"', f'credits: "{second}"', 1).replace(
      'builtin-1', f'at-{second}')
  assert text != built_in
  pathlib.Path(path).write_text(text)


def price_of_second(server, key):
  _, text = server.ask('POST', '/v1/estimate', {'jobs': [
      {'operation': 'avatar_video', 'quantity': '1s'}]}, **{'X-Api-Key': key})
  return json.loads(text)['total']['credits']
