# nginx or nghttpx in front of the sandbox, for the scripts that need a real server's behaviour. Sourced.
# The script has SANDBOX and EXPSTART as its arguments.
# shellcheck shell=bash disable=SC2034 # what is set here is used there

sandbox=$1
expstart=$2
PATH=$PATH:/usr/sbin:/sbin
scratch=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
}
trap finish EXIT
fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

start_sandbox() { # argument...
  exec 3< <(exec "$sandbox" --port 0 "$@")
  pids+=($!)
  read -r -t 20 -u 3 _ endpoint
  backend=${endpoint#http://}
  backend=${backend%/v1}
}

# How many experiments the sandbox has started exactly once.
started_once() {
  curl -s --noproxy '*' "http://$backend/sandbox/stats" | grep -o '"started_once":[ ]*[0-9]*' |
    grep -o '[0-9]*$'
}

# A certificate for localhost: $scratch/cert.pem and key.pem.
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null
}

need() { # program
  command -v "$1" >/dev/null && return
  echo "skipped: $1 is not installed"
  exit 77
}

is_open() { # port
  (exec 4<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# on_a_free_port START IS_UP: these servers cannot pick a free port and tell. Ports are tried, each with
# `START PORT`, which starts one in the background, until `IS_UP PORT` says that it has taken all it wants:
# then $port is the first of these. They are below those that the system gives to connections.
on_a_free_port() {
  for _ in $(seq 10); do
    port=$((10000 + RANDOM % 20000))
    ! is_open "$port" || continue
    "$1" "$port"
    for _ in $(seq 200); do
      kill -0 "${pids[-1]}" 2>/dev/null || break
      if "$2" "$port"; then return; fi
      sleep 0.05
    done
    kill "${pids[-1]}" 2>/dev/null || true
  done
  cat "$scratch/output" "$scratch/error.log" >&2
  fail "$1: no server came up"
}

# nginx writes it when it listens on all ports. That one is open says nothing: it waits for the others.
nginx_is_up() {
  [ -s "$scratch/nginx.pid" ]
}

# start_nginx FUNCTION: which prints what stands in http { } for the port it is given (and the next ones).
# $port is that port then, and $scratch/access.log the access log.
start_nginx() {
  need nginx
  configuration=$1
  on_a_free_port run_nginx nginx_is_up
}

run_nginx() { # port
  rm -f "$scratch/nginx.pid"
  cat >"$scratch/nginx.conf" <<CONF
daemon off;
master_process off;
pid $scratch/nginx.pid;
error_log $scratch/error.log;
events { worker_connections 512; }
http {
  client_body_temp_path $scratch/body;
  proxy_temp_path $scratch/proxy;
  fastcgi_temp_path $scratch/fastcgi;
  uwsgi_temp_path $scratch/uwsgi;
  scgi_temp_path $scratch/scgi;
  upstream sandbox { server $backend; keepalive 64; }
  proxy_http_version 1.1;
  proxy_set_header Connection "";
$("$configuration" "$1")
}
CONF
  nginx -e "$scratch/error.log" -p "$scratch" -c "$scratch/nginx.conf" >"$scratch/output" 2>&1 &
  pids+=($!)
}

# start_nghttpx PROTOCOLS LOG: the access log has the protocol, the status and the connection's port.
start_nghttpx() {
  need nghttpx
  protocols=$1 log=$2
  on_a_free_port run_nghttpx is_open
}

run_nghttpx() { # port
  # The option has another name in newer versions.
  local alpn_option=npn-list
  if nghttpx --help | grep -q -- --alpn-list=; then alpn_option=alpn-list; fi
  nghttpx --frontend="127.0.0.1,$1" --backend="${backend/:/,}" --no-ocsp --workers=1 --conf=/dev/null \
    "--$alpn_option=$protocols" --accesslog-file="$log" --accesslog-format='$alpn $status $remote_port' \
    --errorlog-file="$scratch/error.log" "$scratch/key.pem" "$scratch/cert.pem" >"$scratch/output" 2>&1 &
  pids+=($!)
}

# start_all ENDPOINT [ARGUMENT...]: runs the command with the ids on standard input; a server that is gone ends it.
start_all() {
  local endpoint=$1
  shift
  ABSMARTLY_API_ENDPOINT=$endpoint ABSMARTLY_API_KEY=sandbox-key \
    "$expstart" start --deadline 120 -q --yes -f - "$@"
}
