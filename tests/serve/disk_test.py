#!/usr/bin/env python3
"""konpro serve on a disk that is full, fails, is slow or may not be written.

Clients hold and complete jobs meanwhile, and repeat with the same id what was
answered with 503. No other answer but success may come of the disk: nothing is
lost that was answered, and nothing is charged twice.
"""

import glob
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, 'tests/serve')
from server_process import *  # pylint: disable=wildcard-import

CLIENTS = 4
MODES = 'full quota readonly eio sync slow'.split()


class Client(threading.Thread):
  """Holds and completes jobs one after the other, each until it succeeds."""

  def __init__(self, server, key, number):
    super().__init__(daemon=True)
    self.server = server
    self.key = key
    self.number = number
    self.is_stopped = False
    self.completed = []
    self.unavailable = 0

  def run(self):
    while not self.is_stopped:
      job = f'job-{self.number}-{len(self.completed)}'
      self.until_done('/v1/jobs', {'account': 'acme', 'quantity': '2000',
                                   'operation': 'avatar_video'},
                      {'Idempotency-Key': job})
      answer = self.until_done(f'/v1/jobs/{job}/complete',
                               {'account': 'acme', 'quantity': '1000'}, {})
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
  server.kill()
  check(state()[1:] == ('deactivated', False), f'it came back: {state()}')


def test_reload(server, key):
  """A full disk neither ends the server at a SIGHUP nor forgets anything."""
  victim = new_key('acme')
  disk('full')
  key_id = json.loads(konpro('keys', 'list', 'acme', '--format=json'))['keys'][
      -1]['id']
  konpro('keys', 'deactivate', key_id, code=1)
  for price in '3', '2':
    write_catalog('catalog.textproto', price)
    server.reload()
    check(price_of_second(server, key) == price, price)
    check(server.ask('GET', '/v1/account',
                     **{'X-Api-Key': victim})[0].status == 401, 'it is alive')
    check(server.ask('GET', '/healthz')[0].status == 503, 'healthz')
  disk('fine')
  # The probe of each second comes, however often the catalog is read again.
  def reload_and_ask():
    server.process.send_signal(signal.SIGHUP)
    return server.ask('GET', '/healthz')[0].status == 200
  wait('healthz 200', reload_and_ask, seconds=20)
  check('not_yet_durable": true' not in konpro('keys', 'list', 'acme',
                                               '--format=json'), 'durable')


def test_limits_file(server):
  """A limits file that cannot be written shows in readiness, log and metrics."""
  disk('msync')
  _, text = wait('healthz 503', lambda: (
      lambda got: got if got[0].status == 503 else None)(
          server.ask('GET', '/healthz')))
  check(text == 'the limits file cannot be written\n', text)
  wait('the metric', lambda: 'konpro_limits_ok 0' in
       server.ask('GET', '/metrics')[1])
  check('konpro_store_ok 1' in server.ask('GET', '/metrics')[1], 'the store')
  check(server.text().count('credits.db.limits: cannot be written') == 1,
        server.text())
  disk('fine')
  wait('healthz 200', lambda: server.ask('GET', '/healthz')[0].status == 200)
  wait('the metric', lambda: 'konpro_limits_ok 1' in
       server.ask('GET', '/metrics')[1])


def test_limits_windows(server):
  """New windows are written at once; if that fails, the log says it."""
  said = server.text().count('credits.db.limits: cannot be written')
  disk('msync-part')
  konpro('account', 'plan', 'acme', 'enterprise', '--windows=minute:900001/1m')
  wait('the log', lambda: server.text().count(
      'credits.db.limits: cannot be written') > said)
  disk('fine')
  wait('healthz 200', lambda: server.ask('GET', '/healthz')[0].status == 200)


def test_hanging_disk(server, key, service):
  """While a write does not end, the next requests do not wait for it."""
  job = {'operation': 'avatar_video', 'quantity': '1s'}
  disk('hang')
  answers = []
  waiting = threading.Thread(daemon=True, target=lambda: answers.append(server.ask(
      'POST', '/v1/jobs', job,
      **{'X-Api-Key': key, 'Idempotency-Key': 'waits'})))
  waiting.start()

  # A loop of the server that waits does not answer: others do.
  def ask(method, path, *body, **headers):
    try:
      return server.ask(method, path, *body, timeout=1, **headers)
    except TimeoutError:
      return None, None

  wait('healthz 503', lambda: ask('GET', '/healthz')[1] ==
       'the store is slow\n')
  answer, text = wait('an answer', lambda: (lambda got: got if got[0] else None)(
      ask('POST', '/v1/jobs', job,
          **{'X-Api-Key': key, 'Idempotency-Key': 'next'})))
  check(answer.status == 503 and 'retryable":true' in text and
        int(answer.getheader('Retry-After', '0')) >= 1, f'{answer.status} {text}')
  answer, text = wait('an answer', lambda: (lambda got: got if got[0] else None)(
      ask('GET', '/v1/admit', **{'X-Api-Key': key})))
  check(answer.status == 200, f'{answer.status} {text}')
  wait('the log', lambda: 'the store is slow' in server.text())
  # A catalog is replaced meanwhile. The next one waits for the request, which
  # may have the first.
  server.reload()
  server.process.send_signal(signal.SIGHUP)
  time.sleep(2)
  check(server.text().count('reloaded catalog') == 1, server.text())
  disk('fine')
  waiting.join()
  wait('the second catalog', lambda:
       server.text().count('reloaded catalog') == 2)
  check(answers[0][0].status == 200, answers[0][1])
  wait('healthz 200', lambda: server.ask('GET', '/healthz')[0].status == 200)
  answer, text = server.ask('POST', '/v1/jobs/waits/cancel', {'account': 'acme'},
                            **{'X-Api-Key': service})
  check(answer.status == 200, text)


def test_core_file(server):
  """A server that ends by a defect leaves no core file: keys pass through it."""
  unlimited = resource.prlimit(server.process.pid, resource.RLIMIT_CORE)[1]
  # Whether any process leaves one here.
  other = subprocess.Popen(['sleep', '60'])
  has_core = []
  for process in other, server.process:
    resource.prlimit(process.pid, resource.RLIMIT_CORE, (unlimited, unlimited))
    process.send_signal(signal.SIGQUIT)
    has_core.append(os.WCOREDUMP(os.waitpid(process.pid, 0)[1]))
  print('core files of another process, of the server:', has_core, flush=True)
  check(not has_core[1], 'a core file')


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
  # What a process that spins gets of a busy machine.
  spinner = subprocess.Popen(['sh', '-c', 'while :; do :; done'])
  before = cpu_seconds(pid)
  wait('the processor', lambda: cpu_seconds(spinner.pid) >= 0.6)
  spent = cpu_seconds(pid) - before
  others = cpu_seconds(spinner.pid)
  spinner.kill()
  spinner.wait()
  print(f'{spent} s of processor without descriptors, {others} s of another',
        flush=True)
  check(spent < others / 4, f'it spins: {spent} s of {others} s')
  for connection in held:
    connection.close()
  resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
  wait('an answer', lambda: server.ask(
      'GET', '/v1/account', **{'X-Api-Key': key})[0].status == 200)


def main():
  enter_new_folder()
  disk('fine')
  key = new_key('acme')
  service = new_key('billing', 'service')
  konpro('account', 'plan', 'acme', 'enterprise', '--windows=minute:900000/1m')
  konpro('ledger', 'grant', 'acme', '100000', '--id=welcome')
  server = Server(with_shim=True)
  jobs = []
  for trouble in [*modes(), file_limit(server)]:
    jobs += test_trouble(server, service, *trouble)
  test_limits_file(server)
  test_limits_windows(server)
  test_hanging_disk(server, key, service)
  test_descriptors(server, key)
  server.stop()
  # Every job once, for what was answered.
  konpro('ledger', 'verify')
  balance = konpro('ledger', 'balance', 'acme', '--format=json')
  check(f'"{100000 - len(jobs)}"' in balance, f'{len(jobs)} jobs: {balance}')
  write_catalog('catalog.textproto', '2')
  server = Server('--catalog=catalog.textproto', with_shim=True)
  test_reload(server, key)
  test_deactivation(server, new_key('acme'))
  test_core_file(Server(with_shim=True))
  for file in glob.glob('credits.db*'):
    if not file.endswith('.sock'):
      check(os.stat(file).st_mode & 0o777 == 0o600, file)
  finish()


main()
