# SPDX-License-Identifier: Apache-2.0

"""Processes of a bench: pinned, started with their configuration written into a
folder of their own, ended by their own id, and gone when the bench goes."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import time

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
CLIENT_CORE = CORES[-1]

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 3600;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "hello from the shop\\n"; }}
    }}
}}
"""

MESH = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: bench}}
spec:
  hosts: [{host}]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: bench}}
spec:
  hosts: [{host}]
  http:
  - timeout: {timeout}s
    retries: {{attempts: 2, retryOn: "connect-failure,refused-stream,reset"}}
    route: [{{destination: {{host: {host}}}}}]
"""

# For calls that are to wait, on a machine that may be slow to begin them.
PATIENT = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: bench}}
spec:
  host: {host}
  trafficPolicy:
    connectionPool: {{tcp: {{connectTimeout: 60s}}}}
"""

HOST = "bench.local"
URL = f"http://{HOST}/"
TIMEOUT_S = 15
PATIENT_TIMEOUT_S = 120


def envoy_config(port, upstream):
    """One listener, the route and the retries of MESH, one endpoint."""
    typed = "type.googleapis.com/envoy.extensions.filters"
    route = {"cluster": "bench", "timeout": f"{TIMEOUT_S}s",
             "retry_policy": {"retry_on": "connect-failure,refused-stream,reset",
                              "num_retries": 2}}
    manager = {
        "@type": f"{typed}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "bench", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": route}]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": f"{typed}.http.router.v3.Router"}}]}
    return {"static_resources": {
        "listeners": [{"address": address(port), "filter_chains": [{"filters": [
            {"name": "http", "typed_config": manager}]}]}],
        "clusters": [{"name": "bench", "type": "STATIC", "lb_policy": "LEAST_REQUEST",
                      "circuit_breakers": {"thresholds": [{"max_connections": 4294967295,
                                                           "max_requests": 4294967295,
                                                           "max_pending_requests": 4294967295,
                                                           "max_retries": 4294967295}]},
                      "load_assignment": {"cluster_name": "bench", "endpoints": [
                          {"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}]}}]}}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core):
    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        os.sched_setaffinity(0, {core})
    return prepare


def wait_for(port, process, timeout_s=20):
    due = time.monotonic() + timeout_s
    while time.monotonic() < due:
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended with {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                probe.sendall(b"GET / HTTP/1.1\r\nHost: bench.local\r\nConnection: close\r\n\r\n")
                if probe.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"{process.args[0]} does not answer on port {port}")


class Server:
    def __init__(self, command, port, log):
        self.port = port
        self.process = subprocess.Popen(command, preexec_fn=pinned(SERVER_CORE),
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(port, self.process)

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def nginx(folder):
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    port = free_port()
    with open(f"{folder}/nginx.conf", "w", encoding="ascii") as config:
        config.write(NGINX.format(folder=folder, port=port))
    with open(f"{folder}/nginx.out", "wb") as log:
        return Server([program, "-e", f"{folder}/nginx.log", "-p", folder, "-c",
                       f"{folder}/nginx.conf"], port, log)


def envoy(program, folder, upstream):
    port = free_port()
    with open(f"{folder}/envoy.json", "w", encoding="ascii") as config:
        json.dump(envoy_config(port, upstream), config)
    with open(f"{folder}/envoy.log", "wb") as log:
        return Server([program, "-c", f"{folder}/envoy.json", "--concurrency", "1",
                       "--disable-hot-restart", "-l", "error"], port, log)


def mesh(folder, port, patient=False):
    """A mesh folder that names this port."""
    path = f"{folder}/mesh-{port}"
    timeout = PATIENT_TIMEOUT_S if patient else TIMEOUT_S
    os.makedirs(path, exist_ok=True)
    with open(f"{path}/bench.yaml", "w", encoding="ascii") as file:
        file.write(MESH.format(host=HOST, port=port, timeout=timeout))
        file.write(PATIENT.format(host=HOST) if patient else "")
    return path


def connect_to(port):
    return f"{HOST}:80:127.0.0.1:{port}"
