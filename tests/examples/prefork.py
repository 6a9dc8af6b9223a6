# SPDX-License-Identifier: Apache-2.0
"""The pre-forking server, under load: all of its workers answer through the mesh,
one that is killed is replaced, and SIGTERM ends them all well.

    prefork.py PROGRAM"""

import http.client
import http.server
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

WORKERS, CLIENTS, REQUESTS = 4, 8, 400
MESH = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: %d}}]
"""


class Reviews(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"good")

    def log_message(self, *args):
        pass


def get(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body.strip(), int(reply.headers["X-Worker"])


def load(port, count):
    """The workers that answered. Raises what went wrong."""
    seen, wrong = set(), []

    def client():
        try:
            for _ in range(count // CLIENTS):
                status, body, worker = get(port)
                seen.add(worker)
                if (status, body) != (200, b"good"):
                    wrong.append(f"{status} {body!r}")
        except (OSError, http.client.HTTPException) as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise SystemExit(f"{len(wrong)} went wrong, first: {wrong[0]}")
    return seen


def load_until(port, is_enough):
    seen = set()
    for _ in range(50):
        seen |= load(port, REQUESTS)
        if is_enough(seen):
            return seen
    raise SystemExit(f"after many requests only {seen} have answered")


def kill(worker):
    """Until its parent has taken note: a dying one may still accept a connection."""
    os.kill(worker, signal.SIGKILL)
    due = time.monotonic() + 30
    while time.monotonic() < due:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise SystemExit(f"nobody waits for {worker}")


def drive(program, port):
    seen = load_until(port, lambda workers: len(workers) == WORKERS)
    kill(min(seen))
    load_until(port, lambda workers: workers - seen)
    program.terminate()
    if program.wait(60) != 0:
        raise SystemExit(f"it ended with {program.returncode}")
    print(f"{WORKERS} workers answered, and one more for the one that was killed")


def end_all(program):
    """Workers too, whose master may be gone."""
    try:
        os.killpg(program.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    program.wait()


def main():
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Reviews)
    upstream.daemon_threads = True
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "mesh.yaml"), "w", encoding="utf-8") as file:
            file.write(MESH % upstream.server_port)
        program = subprocess.Popen([sys.argv[1], folder, "http://reviews/", "0"],
                                   stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            drive(program, int(program.stdout.readline().rsplit(":", 1)[1]))
        finally:
            end_all(program)
            program.stdout.close()


if __name__ == "__main__":
    main()
