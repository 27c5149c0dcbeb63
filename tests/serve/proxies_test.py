#!/usr/bin/env python3
"""Caddy and HAProxy with their sample configurations, in front of an API.

What konpro decides reaches the client as it is, and the API sees whose request
it is, and never the key.
"""
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading

from server_process import (Server, check, enter_new_folder, finish, konpro,
                            new_key, wait)

EXAMPLES = pathlib.Path(os.environ['EXAMPLES']).resolve()


class Api(http.server.BaseHTTPRequestHandler):
  """The API behind the proxy: keeps the headers of what it gets."""
  seen = []

  def answer(self):
    self.rfile.read(int(self.headers.get('Content-Length', '0')))
    Api.seen.append(self.headers)
    self.send_response(200)
    self.send_header('Content-Length', '4')
    self.end_headers()
    self.wfile.write(b'done')

  do_GET = do_POST = do_OPTIONS = answer

  def log_message(self, *_):
    pass


def free_port():
  with socket.socket() as taken:
    taken.bind(('127.0.0.1', 0))
    return taken.getsockname()[1]


def sample(name, ports):
  """The sample with its three addresses replaced, in this folder."""
  text = (EXAMPLES / name).read_text()
  for old, new in ports.items():
    check(re.search(rf'127\.0\.0\.1:{old}\b', text), f'{name} has no {old}')
    text = re.sub(rf'127\.0\.0\.1:{old}\b', f'127.0.0.1:{new}', text)
  pathlib.Path(name).write_text(text)


def ask(port, method, path, **headers):
  connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
  body = b'{}' if method == 'POST' else None
  connection.request(method, path, body,
                     {name.replace('_', '-'): value
                      for name, value in headers.items()})
  answer = connection.getresponse()
  text = answer.read().decode()
  connection.close()
  return answer, text


def listens(port):
  with socket.socket() as probe:
    return probe.connect_ex(('127.0.0.1', port)) == 0


def test_proxy(name, words, port, account):
  process = subprocess.Popen(words, stdout=open(f'{name}.log', 'w'),
                             stderr=subprocess.STDOUT)
  try:
    wait(name, lambda: listens(port) or process.poll() is not None)
    check(process.poll() is None, pathlib.Path(f'{name}.log').read_text())
    test_answers(name, port, account)
  finally:
    process.kill()
    process.wait()


def test_answers(name, port, account):
  key = new_key(account)
  konpro('account', 'plan', account, 'enterprise', '--windows=minute:9/1m')
  konpro('ledger', 'grant', account, '700', f'--id={account}')
  job = f'{name}-1'

  def expect(status, code, answer, text):
    check(answer.status == status and (not code or f'"code":"{code}"' in text),
          f'{name}: {answer.status} {text}, not {status} {code}')

  # What a client says of itself is dropped, also on a free path.
  stranger = {'X_Konpro_Account': 'other', 'X_Konpro_Reservation': 'r',
              'Idempotent_Replayed': 'true', 'X_Forwarded_Uri': '/v1/free',
              'X_Forwarded_Method': 'GET'}
  expect(200, '', *ask(port, 'GET', '/v1/avatars', X_Api_Key=key, **stranger))
  seen = Api.seen[-1]
  check(seen.get_all('X-Konpro-Account') == [account], f'{name}: {seen}')
  for field in ('X-Konpro-Reservation', 'Idempotent-Replayed', 'X-Api-Key'):
    check(not seen.get(field), f'{name}: {field}: {seen}')
  expect(200, '', *ask(port, 'POST', '/v1/videos?a=b', X_Api_Key=key,
                       Idempotency_Key=job, **stranger))
  check(Api.seen[-1].get_all('X-Konpro-Reservation') == [job],
        f'{name}: {Api.seen[-1]}')
  balance = konpro('ledger', 'balance', account, '--format=json')
  check('"600"' in balance, f'{name}: {balance}')
  passed = len(Api.seen)
  expect(400, 'malformed', *ask(port, 'POST', '/v1/videos', X_Api_Key=key))
  answer, text = ask(port, 'GET', '/v1/avatars', X_Api_Key='kp_none',
                     **stranger)
  expect(401, 'unauthenticated', answer, text)
  check('ApiKey' in answer.getheader('WWW-Authenticate', ''), f'{name}: {text}')
  answer, text = ask(port, 'POST', '/v1/videos', X_Api_Key=key,
                     Idempotency_Key=f'{job}-more')
  expect(402, 'insufficient_credits', answer, text)
  check(json.loads(text)['shortfall']['credits'] == '500', f'{name}: {text}')
  check(answer.getheader('Content-Type') == 'application/problem+json',
        f'{name}: {answer.getheaders()}')
  expect(403, 'no_route', *ask(port, 'DELETE', '/v1/videos', X_Api_Key=key))
  expect(409, 'in_progress', *ask(port, 'POST', '/v1/videos', X_Api_Key=key,
                                  Idempotency_Key=job))
  for _ in range(9):
    answer, text = ask(port, 'GET', '/v1/avatars', X_Api_Key=key)
    if answer.status != 200:
      break
    passed += 1
  expect(429, 'rate_limited', answer, text)
  check(1 <= int(answer.getheader('Retry-After', '0')) <= 60 and
        '"minute";r=0' in answer.getheader('RateLimit', ''),
        f'{name}: {answer.getheaders()}')
  check(len(Api.seen) == passed, f'{name}: a refused request reached the API')


def main():
  # Where Debian has HAProxy.
  os.environ['PATH'] += ':/usr/sbin'
  enter_new_folder()
  shutil.copy(EXAMPLES / 'routes.textproto', '.')
  api = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Api)
  threading.Thread(target=api.serve_forever, daemon=True).start()
  server = Server('--routes=routes.textproto')
  for name, words, files in (
      ('caddy', ['caddy', 'run', '--config', 'Caddyfile', '--adapter',
                 'caddyfile'], ['Caddyfile']),
      ('haproxy', ['haproxy', '-f', 'haproxy.cfg', '-db'], ['haproxy.cfg'])):
    port = free_port()
    for file in files:
      sample(file, {'8080': server.port, '8081': api.server_port,
                    '8000': port})
    if name == 'haproxy':
      shutil.copy(EXAMPLES / 'haproxy.lua', '.')
    test_proxy(name, words, port, f'by-{name}')
  server.stop()
  finish()


main()
