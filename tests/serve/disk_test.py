#!/usr/bin/env python3
"""konpro serve on a disk that is full, fails, is slow or may not be written.

Clients hold and complete jobs meanwhile, and repeat with the same id what was
answered with 503. No other answer but success may come of the disk: nothing is
lost that was answered, and nothing is charged twice.
"""

import glob
import http.client
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

KONPRO = str(pathlib.Path('konpro/cli/konpro').resolve())
SHIM = str(pathlib.Path('tests/serve/disk_shim.so').resolve())
CLIENTS = 4
MODES = 'full quota readonly eio sync slow'.split()

failures = []


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


def disk(mode):
  with open('mode.new', 'w') as file:
    file.write(mode)
  os.rename('mode.new', 'mode')


class Server:

  def __init__(self):
    self.log = open('serve.log', 'w')
    self.process = subprocess.Popen(
        [KONPRO, 'serve', '--db=credits.db', '--listen=127.0.0.1:0'],
        env={**os.environ, 'LD_PRELOAD': SHIM, 'KONPRO_DISK': 'mode'},
        stdout=self.log, stderr=self.log)
    self.port = int(wait('the server', lambda: re.search(
        r'listening on [^ ]*:(\d+)', self.text())).group(1))

  def text(self):
    return pathlib.Path('serve.log').read_text()

  def ask(self, method, path, body=None, **headers):
    connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text

  def stop(self):
    self.process.send_signal(signal.SIGTERM)
    check(self.process.wait(timeout=60) == 0, f'serve ended: {self.text()}')


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


class Client(threading.Thread):
  """Holds and completes jobs one after the other, each until it succeeds."""

  def __init__(self, server, key, number):
    super().__init__()
    self.server = server
    self.key = key
    self.number = number
    self.is_stopped = False
    self.completed = []
    self.unavailable = 0

  def run(self):
    while not self.is_stopped:
      job = f'job-{self.number}-{len(self.completed)}'
      self.until_done('/v1/jobs', {'operation': 'avatar_video',
                                   'quantity': '2000'},
                      {'Idempotency-Key': job})
      answer = self.until_done(f'/v1/jobs/{job}/complete',
                               {'quantity': '1000'}, {})
      check(answer['charged']['credits'] == '1', f'{job}: {answer}')
      self.completed.append(job)

  def until_done(self, path, body, headers):
    while True:
      answer, text = self.server.ask('POST', path, body,
                                     **{'X-Api-Key': self.key, **headers})
      if answer.status == 200:
        return json.loads(text)
      self.unavailable += 1
      problem = json.loads(text)
      shown = f'{path}: {answer.status} {answer.getheaders()} {text}'
      check(answer.status == 503, shown)
      check(problem.get('retryable') is True, shown)
      check(int(answer.getheader('Retry-After', '0')) >= 1, shown)
      check('credits.db' not in shown and os.getcwd() not in shown and
            'SQLite' not in shown, shown)
      if failures:
        sys.exit(1)
      time.sleep(0.02)


def test_trouble(server, key, begin, end, is_failing):
  """Clients work before, during and after the trouble."""
  clients = [Client(server, key, f'{begin.__doc__}-{i}')
             for i in range(CLIENTS)]
  for client in clients:
    client.start()
  time.sleep(0.3)
  lines = server.text().count('cannot be written')
  begin()
  if is_failing:
    wait('healthz 503', lambda: server.ask('GET', '/healthz')[0].status == 503)
    answer, text = server.ask('GET', '/healthz')
    check('credits' not in text, text)
    _, metrics = server.ask('GET', '/metrics')
    check('konpro_store_ok 0' in metrics, 'metrics do not show it')
  time.sleep(0.7)
  end()
  wait('healthz 200', lambda: server.ask('GET', '/healthz')[0].status == 200)
  time.sleep(0.3)
  for client in clients:
    client.is_stopped = True
  for client in clients:
    client.join()
  unavailable = sum(client.unavailable for client in clients)
  said = server.text().count('cannot be written') - lines
  print(begin.__doc__, sum(len(client.completed) for client in clients),
        'jobs,', unavailable, 'times unavailable,', said, 'lines', flush=True)
  check(bool(unavailable) == is_failing, f'{begin.__doc__}: {unavailable}')
  # Once, and not for each request; a probe may come between begin and end.
  check((1 if is_failing else 0) <= said <= 4, f'{said} lines: {server.text()}')
  return [job for client in clients for job in client.completed]


def modes():
  for mode in MODES:
    begin = lambda mode=mode: disk(mode)
    begin.__doc__ = mode
    yield begin, lambda: disk('fine'), mode != 'slow'


def file_limit(server):
  """RLIMIT_FSIZE, whose signal must not end the process."""
  pid = server.process.pid
  begin = lambda: resource.prlimit(
      pid, resource.RLIMIT_FSIZE,
      (os.path.getsize('credits.db-wal') // 2, resource.RLIM_INFINITY))
  begin.__doc__ = 'fsize'
  return begin, lambda: resource.prlimit(
      pid, resource.RLIMIT_FSIZE,
      (resource.RLIM_INFINITY, resource.RLIM_INFINITY)), True


def test_deactivation(server, key):
  """It holds on a full disk, is shown as not durable, and becomes durable."""

  def state():
    last = json.loads(konpro('keys', 'list', 'acme', '--format=json'))[
        'keys'][-1]
    return last['id'], last['state'], last['is_not_yet_durable']

  key_id = state()[0]
  disk('full')
  konpro('keys', 'deactivate', key_id, code=1)
  check(server.ask('GET', '/v1/account', **{'X-Api-Key': key})[0].status == 401,
        'the key is alive')
  # A narrow table breaks its lines.
  shown = re.sub(r'\s', '', konpro('keys', 'list', 'acme'))
  check('durable' in shown, shown)
  check(state()[1:] == ('deactivated', True), state())
  disk('fine')
  wait('the deactivation to be durable',
       lambda: state()[1:] == ('deactivated', False))
  server.process.kill()
  server.process.wait()
  check(state()[1:] == ('deactivated', False), f'it came back: {state()}')


def cpu_seconds(pid):
  fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')')[1].split()
  return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def test_descriptors(server, key):
  """Without descriptors it waits for one, and does not spin."""
  pid = server.process.pid
  soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
  used = len(os.listdir(f'/proc/{pid}/fd'))
  resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 4, hard))
  held = []
  for _ in range(40):
    connection = http.client.HTTPConnection('127.0.0.1', server.port)
    connection.connect()
    held.append(connection)
  before = cpu_seconds(pid)
  time.sleep(2)
  spent = cpu_seconds(pid) - before
  print(f'{spent} s of processor in 2 s without descriptors', flush=True)
  check(spent < 0.6, f'it spins: {spent} s of 2 s')
  for connection in held:
    connection.close()
  resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
  wait('an answer', lambda: server.ask(
      'GET', '/v1/account', **{'X-Api-Key': key})[0].status == 200)


def main():
  os.chdir(tempfile.mkdtemp(dir=os.environ.get('TEST_TMPDIR')))
  disk('fine')
  key = json.loads(konpro('keys', 'create', 'acme', '--format=json'))['key']
  konpro('account', 'plan', 'acme', 'enterprise', '--windows=minute:900000/1m')
  konpro('ledger', 'grant', 'acme', '100000', '--id=welcome')
  server = Server()
  jobs = []
  for trouble in [*modes(), file_limit(server)]:
    jobs += test_trouble(server, key, *trouble)
  test_descriptors(server, key)
  server.stop()
  # Every job once, for what was answered.
  konpro('ledger', 'verify')
  balance = konpro('ledger', 'balance', 'acme', '--format=json')
  check(f'"{100000 - len(jobs)}"' in balance, f'{len(jobs)} jobs: {balance}')
  server = Server()
  victim = json.loads(konpro('keys', 'create', 'acme', '--format=json'))['key']
  test_deactivation(server, victim)
  for file in glob.glob('credits.db*'):
    if not file.endswith('.sock'):
      check(os.stat(file).st_mode & 0o777 == 0o600, file)
  sys.exit(1 if failures else 0)


main()
