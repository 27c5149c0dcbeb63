#!/usr/bin/env python3
"""SIGHUP at a konpro serve: the catalog is replaced, and nothing else."""

import http.client
import json
import os
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, 'tests/serve')
from server_process import *  # pylint: disable=wildcard-import

RELOADS = 50
LIMIT = 900000


class Client(threading.Thread):
  """Asks over and over; any error is its failure."""

  def __init__(self, ask):
    super().__init__(daemon=True)
    self.ask = ask
    self.is_stopped = False
    self.asked = 0

  def run(self):
    while not self.is_stopped:
      try:
        self.ask()
      except Exception as error:  # pylint: disable=broad-except
        check(False, f'{self.ask.__doc__}: {error!r}')
        return
      self.asked += 1


def remaining(server, key):
  _, text = server.ask('GET', '/v1/account', **{'X-Api-Key': key})
  return json.loads(text)['windows'][0]['remaining']


def clients_of(server, key):
  kept = http.client.HTTPConnection('127.0.0.1', server.port, timeout=60)

  def ask_anew():
    """a connection for each request"""
    answer, text = server.ask('GET', '/v1/admit', **{'X-Api-Key': key})
    check(answer.status == 200, text)

  def ask_on():
    """one connection"""
    kept.request('GET', '/v1/admit', headers={'X-Api-Key': key})
    answer = kept.getresponse()
    check(answer.status == 200, answer.read())

  def hold():
    """a job by one of the two catalogs"""
    answer, text = server.ask(
        'POST', '/v1/jobs', {'operation': 'avatar_video', 'quantity': '1s'},
        **{'X-Api-Key': key, 'Idempotency-Key': f'job-{time.monotonic_ns()}'})
    check(answer.status == 200, text)

  def command():
    """a command"""
    konpro('account', 'show', 'acme')

  return [Client(ask) for ask in (ask_anew, ask_on, hold, command)]


def test_traffic(server, key):
  """No connection is refused or cut, and no permit comes back."""
  limits = os.stat('credits.db.limits').st_ino
  clients = clients_of(server, key)
  for client in clients:
    client.start()
  for i in range(RELOADS):
    price = str(2 + i % 2)
    write_catalog('catalog.textproto', price)
    line = server.reload()
    check(f'at-{price}' in line, line)
    check(price_of_second(server, key) == price, f'{i}: not {price}')
  for client in clients:
    client.is_stopped = True
  for client in clients:
    client.join()
  asked = [client.asked for client in clients]
  print(RELOADS, 'reloads, requests:', asked, flush=True)
  check(min(asked) > 0, asked)
  check(server.text().count('listening on') == 1, server.text())
  check(os.stat('credits.db.limits').st_ino == limits, 'another limits file')
  # But the command. An estimate takes no permit of the plan's windows.
  used = LIMIT - int(remaining(server, key))
  check(used == sum(asked[:3]), f'{used} of {asked}')


def test_refused_catalogs(server, key):
  """Each is named in the log, and changes nothing."""
  write_catalog('catalog.textproto', '7')
  server.reload()
  text = pathlib.Path('catalog.textproto').read_text()
  for wrong, said in [
      ('nonsense', 'catalog.textproto:1:'),
      (text.replace('"enterprise"', '"other"').replace('"7"', '"8"'),
       'account acme: plan "enterprise" is not in catalog at-7'),
      (text.replace('"free_trial"', '"other"').replace('"7"', '"8"'),
       'free_trial'),
  ]:
    pathlib.Path('catalog.textproto').write_text(wrong)
    line = server.reload('was not reloaded')
    check(said in line, line)
    check(price_of_second(server, key) == '7', f'{said}: the price')
    check('enterprise' in konpro('account', 'show', 'acme'), 'the plan')
    check(server.ask('GET', '/healthz')[0].status == 200, 'the health')
  pathlib.Path('catalog.textproto').unlink()
  check('catalog.textproto' in server.reload('was not reloaded'), 'no file')
  write_catalog('catalog.textproto', '7')


def test_flood(server):
  """Of many SIGHUPs neither the work of each second nor the end is late."""
  key = new_key('late')
  is_over = threading.Event()

  def flood():
    while not is_over.is_set():
      os.kill(server.process.pid, signal.SIGHUP)

  flooding = threading.Thread(target=flood, daemon=True)
  flooding.start()
  # What the windows have used is written each second.
  server.ask('GET', '/v1/admit', **{'X-Api-Key': key})
  path = pathlib.Path('credits.db.limits')
  written = path.stat().st_mtime_ns
  server.ask('GET', '/v1/admit', **{'X-Api-Key': key})
  wait('the limits file to be written', lambda:
       path.stat().st_mtime_ns > written, seconds=20)
  server.process.send_signal(signal.SIGTERM)
  try:
    server.process.wait(timeout=10)
  finally:
    is_over.set()
    flooding.join()
  check(server.process.returncode == 0, server.process.returncode)


def test_end(server):
  """Of signals that wait together, the end is first."""
  before = len(server.text())
  pid = server.process.pid
  os.kill(pid, signal.SIGSTOP)
  wait('the stop', lambda: pathlib.Path(f'/proc/{pid}/stat').read_text().split(
      ')')[1].split()[0] == 'T')
  for number in signal.SIGHUP, signal.SIGTERM, signal.SIGCONT:
    os.kill(pid, number)
  check(server.process.wait(timeout=60) == 0, server.text())
  check('reloaded' not in server.text()[before:], server.text())


def main():
  enter_new_folder()
  key = new_key('acme')
  konpro('account', 'plan', 'acme', 'enterprise', f'--windows=minute:{LIMIT}/1h')
  konpro('ledger', 'grant', 'acme', '1000000', '--id=welcome')
  write_catalog('catalog.textproto', '2')
  server = Server('--catalog=catalog.textproto', '--reads-per-minute=10000')
  test_traffic(server, key)
  test_refused_catalogs(server, key)
  test_flood(server)
  test_end(Server('--catalog=catalog.textproto'))
  finish()


main()
