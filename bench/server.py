"""The server that all clients are measured against: one nginx worker, on a core of its own."""
import json
import os
import shutil
import socket
import subprocess
import time

LIMIT_PER_S = 500
LIMIT_BURST = 50

CONFIGURATION = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
  root {home}/replies; default_type application/json;
  keepalive_requests 1000000000; open_file_cache max=100; sendfile on; tcp_nopush on;
  ssl_certificate {home}/certificate.pem; ssl_certificate_key {home}/key.pem;

  # Only starts are limited, each client's for itself.
  map "$request_method $request_uri" $limited {{ "~^PUT /limited/(?<who>[^/]+)/" $who; default ""; }}
  map $request_uri $reply {{ "~^/(?<size>[0-9]+)/" /$size.json; }}
  limit_req_zone $limited zone=starts:1m rate={rate}r/s;
  limit_req_status 429;
  log_format limited "$msec $status $limited";
  access_log {home}/limited.log limited if=$limited;

  server {{
    listen 127.0.0.1:{plain} backlog=8192;
    listen 127.0.0.1:{tls1} ssl backlog=8192;
    {locations}
    location /limited/ {{
      limit_req zone=starts burst={burst} nodelay;
      error_page 405 =200 /{smallest}.json; try_files /none =405;
    }}
  }}

  # Over HTTP/2 nginx would answer before it has the whole request, as an API does not: that breaks some
  # transfers of libcurl 7.88. A mirror has it read the body first.
  server {{
    listen 127.0.0.1:{tls2} ssl http2 backlog=8192;
    location = /read {{ internal; return 204; }}
    location / {{ mirror /read; error_page 405 =200 $reply; try_files /none =405; }}
    location ~ [.]json$ {{ }}
  }}
}}
"""


def reply(size):
    """A reply to a start of exactly that many bytes; what is more than the shortest is like the API's.
    It is the same for all starts, and so names no experiment: a client may look at that."""
    head = '{"errors":[],"experiment":{"name":"test_experiment","state":"running",'
    head += '"start_at":"2025-03-20T14:55:19.815Z"'
    tail = '},"experiment_note":{"id":1,"note":"bench"},"ok":true}'
    if size < 1000:
        text = head.replace("test_experiment", "x" * (size - len(head + tail) + len("test_experiment"))) + tail
    else:
        users = []
        describe = "A person who works on \\u201cexperiments\\u201d, metrics and teams."
        head += ',"owners":['
        tail = "]" + tail

        def user(number, about=describe):
            return (
                f'{{"user_id":{number},"experiment_id":1,"user":{{"id":{number},'
                f'"email":"someone.{number}@example.com","first_name":"Some","last_name":"One",'
                f'"department":"{about}","job_title":null,"avatar":{{"width":160,"height":160}},'
                f'"roles":["viewer","editor"],"archived":false,"share":0.{number:03d},'
                '"created_at":"2025-03-20T14:55:19.815Z","last_login_at":null}}'
            )

        while len(head) + len(",".join(users + [user(len(users)), user(0, "")])) + len(tail) < size:
            users.append(user(len(users)))
        missing = size - len(head) - len(",".join(users + [user(0, "")])) - len(tail)
        text = head + ",".join(users + [user(0, "x" * missing)]) + tail
    assert len(text) == size and json.loads(text)["ok"] is True, (size, len(text))
    return text


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def location(size):
    # A short reply comes from memory. Any method gets a file as the page of an error that it is not.
    if size < 4000:
        return f"location /{size}/ {{ return 200 '{reply(size)}'; }}"
    return f"location /{size}/ {{ error_page 405 =200 /{size}.json; try_files /none =405; }}"


class Server:
    def __init__(self, home, sizes, core):
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(f"{home}/replies")
        self.ca_file = f"{home}/ca.pem"
        self._log = f"{home}/limited.log"
        for size in sizes:
            with open(f"{home}/replies/{size}.json", "w", encoding="ascii") as file:
                file.write(reply(size))
        self._certify(home)
        self._process = None
        for _ in range(5):  # another may take a port before nginx does
            self._ports = dict(zip(("plain", "tls1", "tls2"), free_ports(3)))
            self._write_configuration(home, sizes)
            if self._start(home, core):
                return
        raise RuntimeError(f"nginx does not come up, see {home}/error.log")

    def _write_configuration(self, home, sizes):
        configuration = CONFIGURATION.format(
            home=home,
            rate=LIMIT_PER_S,
            burst=LIMIT_BURST,
            smallest=min(sizes),
            locations="\n    ".join(location(size) for size in sizes),
            **self._ports,
        )
        with open(f"{home}/nginx.conf", "w", encoding="ascii") as file:
            file.write(configuration)

    def _start(self, home, core):
        """Whether it is up: then it listens on all ports, and has written its pid."""
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        command = ["taskset", "-c", str(core), nginx, "-c", f"{home}/nginx.conf", "-e", f"{home}/error.log"]
        self._process = subprocess.Popen(command)
        for _ in range(200):
            if self._process.poll() is not None:
                return False
            if os.path.exists(f"{home}/pid"):
                return True
            time.sleep(0.05)
        self.stop()
        return False

    def _certify(self, home):
        """Clients get the system's certificates with ours, as they would have them in earnest."""
        subprocess.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
            " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
            f" -keyout {home}/key.pem -out {home}/certificate.pem".split(),
            check=True,
            capture_output=True,
        )
        with open(self.ca_file, "wb") as together:
            for path in ("/etc/ssl/certs/ca-certificates.crt", f"{home}/certificate.pem"):
                with open(path, "rb") as file:
                    together.write(file.read())

    def endpoint(self, transport, size):
        scheme = "http" if transport == "plain" else "https"
        return f"{scheme}://127.0.0.1:{self._ports[transport]}/{size}/v1"

    def limited_endpoint(self, who):
        return f"http://127.0.0.1:{self._ports['plain']}/limited/{who}/v1"

    def limited_starts(self, who):
        """Of each start that came in under the limit: seconds since the epoch, HTTP status."""
        starts = []
        with open(self._log, encoding="ascii") as log:
            for line in log:
                at, status, client = line.rstrip("\n").split(" ")
                if client == who:
                    starts.append((float(at), int(status)))
        return starts

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
