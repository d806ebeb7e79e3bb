# nginx in front of the sandbox, for the scripts that need a real server's behaviour. Sourced.
# The script has SANDBOX and EXPSTART as its arguments.
# shellcheck shell=bash disable=SC2034 # what is set here is used there

sandbox=$1
expstart=$2
PATH=$PATH:/usr/sbin:/sbin
if ! command -v nginx >/dev/null; then
  echo "skipped: nginx is not installed"
  exit 77
fi
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

# start_nginx FUNCTION: which prints what stands in http { } for the port it is given (and the next ones).
# nginx cannot pick a free port and tell: ports are tried until it takes one, which is $port then. Its
# access log is $scratch/access.log.
start_nginx() {
  local attempt wait
  for attempt in $(seq 10); do
    port=$((20000 + (RANDOM % 20000)))
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
$("$1" "$port")
}
CONF
    nginx -e "$scratch/error.log" -p "$scratch" -c "$scratch/nginx.conf" >"$scratch/output" 2>&1 &
    pids+=($!)
    for wait in $(seq 100); do
      kill -0 "${pids[-1]}" 2>/dev/null || break
      if (exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        return
      fi
      sleep 0.05
    done
  done
  cat "$scratch/output" "$scratch/error.log" >&2
  fail "nginx did not start ($attempt tries, $wait)"
}
