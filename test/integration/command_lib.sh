# shellcheck shell=bash
# What the command_* scripts share: cases, runs of the command, the sandbox and what it counts. It is
# sourced with the script's own arguments, and everything it writes is in a folder that goes with it.
#
# A case is a function that `it` calls. A check that does not hold is noted and the case goes on, so that
# one run tells all that is wrong. `conclude` ends the script.

set -uo pipefail

if [ $# -ne 2 ]; then
  echo "usage: ${0##*/} SANDBOX EXPSTART" >&2
  exit 2
fi
sandbox=$1 expstart=$2

# Every key and password has this in it: it may be in nothing that the command writes.
secret=Hush9x7Q
good_key=$secret-good
# shellcheck disable=SC2034 # for the scripts
bad_key=$secret-bad

scratch=$(mktemp -d) || exit 1
results=$scratch/results.ndjson
sandbox_pid=
command_pid=
origin=       # of the sandbox
api_endpoint= # of the API in it
arguments= # of the latest run
failures=()
failed_command=
has_failed=0
code=0

# What a run is given; each case begins with the usual. An unset endpoint or key is not in the environment.
verb=start # the sub-command
endpoint=
key=
stdin=/dev/null

finish() {
  [ -z "$command_pid" ] || kill -KILL "$command_pid" 2>/dev/null
  [ -z "$sandbox_pid" ] || kill -KILL "$sandbox_pid" 2>/dev/null
  wait
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

skip() { # why
  echo "${0##*/}: skipped: $*"
  exit 77
}
give_up() { # why
  echo "not ok - ${0##*/}: $*"
  exit 1
}
command -v curl >/dev/null || skip "curl is not installed"

# ---- cases ------------------------------------------------------------------------------------------

fail() { # what is wrong. What is shown in the end is the run in which the first check failed.
  failures+=("$*")
  if [ ${#failures[@]} -eq 1 ]; then
    failed_command="$arguments (it exited with $code)"
    cp "$scratch/stdout" "$scratch/failed-stdout" 2>/dev/null
    cp "$scratch/stderr" "$scratch/failed-stderr" 2>/dev/null
  fi
}

show() { # heading file: its first lines, as far as they can be shown
  [ -s "$2" ] || return 0
  echo "#   $1:"
  head -n 15 "$2" | tr -c '\11\12\40-\176' '?' | cut -c 1-200 | sed 's/^/#     /'
}

it() { # function, name of what must hold
  failures=()
  verb=start
  endpoint=$api_endpoint
  key=$good_key
  stdin=/dev/null
  arguments=
  rm -f "$scratch"/{,failed-}{stdout,stderr} "$scratch"/{*.ndjson,typescript,*.db*}
  "$1"
  if [ ${#failures[@]} -eq 0 ]; then
    echo "ok - $2"
    return
  fi
  has_failed=1
  echo "not ok - $2"
  printf '#   %s\n' "${failures[@]}"
  echo "#   first in a run of: expstart ${failed_command:0:200}"
  show "standard output" "$scratch/failed-stdout"
  show "standard error" "$scratch/failed-stderr"
  show "standard error of the sandbox" "$scratch/sandbox.stderr"
}

conclude() {
  it stop_sandbox "the sandbox ends without a complaint"
  exit "$has_failed"
}

is() { # what, as it is, as it should be
  [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}
is_from_to() { # what, as it is, least, most
  if [ -z "$2" ] || [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
    fail "$1 is '$2', not from $3 to $4"
  fi
}
has() { # file under the scratch folder, text
  grep -qF -- "$2" "$scratch/$1" || fail "'$2' is not in $1"
}
has_not() { # file under the scratch folder, text
  ! grep -qF -- "$2" "$scratch/$1" || fail "'$2' is in $1"
}

# ---- the sandbox ------------------------------------------------------------------------------------

start_sandbox() { # option...; the one that ran before is stopped. Not in a case.
  [ -z "$sandbox_pid" ] || it stop_sandbox "the sandbox ends without a complaint"
  rm -f "$scratch/ready"
  "$sandbox" --port 0 --key "$good_key" "$@" \
    </dev/null >"$scratch/ready" 2>"$scratch/sandbox.stderr" &
  sandbox_pid=$!
  local tries=600
  until { read -r _ api_endpoint <"$scratch/ready"; } 2>/dev/null; do
    kill -0 "$sandbox_pid" 2>/dev/null || give_up "the sandbox did not start"
    [ "$((tries -= 1))" -gt 0 ] || give_up "the sandbox is not ready after 30 s"
    sleep 0.05
  done
  endpoint=$api_endpoint
  origin=${api_endpoint%/v1}
}

stop_sandbox() {
  [ -n "$sandbox_pid" ] || return 0
  local pid=$sandbox_pid code
  sandbox_pid=
  kill -TERM "$pid" 2>/dev/null
  await "$pid" 30
  is "the exit code of the sandbox" "$code" 0
}

ask_sandbox() { # path, option of curl...
  local path=$1
  shift
  curl -q --noproxy '*' --insecure --silent --show-error --max-time 30 "$@" "$origin/sandbox/$path"
}
experiment() { # id: what the sandbox knows of it
  ask_sandbox "experiments/$1"
}
set_state() { # id state
  ask_sandbox "experiments/$1/state/$2" --fail --request PUT --data '' --output /dev/null ||
    fail "the state of $1 could not be set"
}

stat_of() { # name: of the members that have it, the first
  local all
  all=$(ask_sandbox stats)
  [[ $all =~ \"$1\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}
has_come_to() { # name, least
  [ "$(stat_of "$1" || echo 0)" -ge "$2" ]
}
await_stat() { # name, least
  await_that "$1 came to $2" has_come_to "$1" "$2"
}

# ---- runs -------------------------------------------------------------------------------------------

await() { # pid seconds: sets `code`. What does not end is killed, which is a failure.
  local tries=$(($2 * 50))
  while kill -0 "$1" 2>/dev/null; do
    if [ "$((tries -= 1))" -le 0 ]; then
      fail "a program had not ended after $2 s"
      kill -KILL "$1"
      break
    fi
    sleep 0.02
  done
  wait "$1" 2>/dev/null
  code=$?
}

launch() { # argument...: the command in the background
  arguments="$verb $*"
  (
    unset ABSMARTLY_API_ENDPOINT ABSMARTLY_API_KEY
    [ -z "${endpoint+is set}" ] || export ABSMARTLY_API_ENDPOINT=$endpoint
    [ -z "${key+is set}" ] || export ABSMARTLY_API_KEY=$key
    exec "$expstart" "$verb" "$@"
  ) <"$stdin" >"$scratch/stdout" 2>"$scratch/stderr" &
  command_pid=$!
}
# Waits for something that the command brings about: no longer than the command runs.
await_that() { # what, command that succeeds then...
  local what=$1 tries=600 runs=yes
  shift
  until "$@"; do
    if [ "$runs" = no ] || [ "$((tries -= 1))" -le 0 ]; then
      fail "it did not happen that $what"
      return
    fi
    kill -0 "$command_pid" 2>/dev/null || runs=no # looked at once more then
    sleep 0.05
  done
}
signal_command() { # name
  kill "-$1" "$command_pid" || fail "the command had ended before SIG$1"
}
ends_with() { # exit code, seconds that it may take at most
  await "$command_pid" "${2:-150}"
  command_pid=
  is "the exit code" "$code" "$1"
  secrets_are_kept
}
exits() { # exit code, argument...
  local wanted=$1
  shift
  launch "$@"
  ends_with "$wanted"
}
secrets_are_kept() {
  local file
  for file in "$scratch"/stdout "$scratch"/stderr "$scratch"/typescript "$scratch"/*.ndjson "$scratch"/*.db*; do
    if [ -f "$file" ] && grep -qiaF -- "$secret" "$file"; then
      fail "a key or password is in ${file##*/}"
    fi
  done
}

# ---- results ----------------------------------------------------------------------------------------

count_of() { # outcome [file]
  grep -c "\"outcome\":\"$1\"" "${2:-$results}"
}

# Each id that standard input has, and no other, has exactly one line, with all members.
results_are_for() { # [file]
  local file=${1:-$results} wrong
  if ! sort -n >"$scratch/wanted"; then
    fail "no list of ids"
  fi
  wrong=$(awk '
    function check(name, value) {
      if ($0 !~ "[{,]\"" name "\":" value "[,}]") { print "line " NR " has no good " name ": " $0; exit }
    }
    $0 !~ /^[{].*[}]$/ { print "line " NR " is not an object: " $0; exit }
    {
      text = "\"([^\"\\\\]|\\\\.)*\""
      check("experiment_id", "[1-9][0-9]*")
      check("outcome", "\"(started|running|rejected|failed|unknown|canceled|not_sent)\"")
      check("http_status", "[0-9]+")
      check("attempts", "[0-9]+")
      check("throttled", "[0-9]+")
      check("state", "(null|" text ")")
      check("started_at", "(null|" text ")")
      check("errors", "\\[(" text ")?(," text ")*\\]")
      check("message", text)
      check("elapsed_ms", "[0-9]+")
    }' "$file")
  [ -z "$wrong" ] || fail "${file##*/}: $wrong"
  sed 's/.*"experiment_id":\([0-9]*\).*/\1/' "$file" | sort -n >"$scratch/found"
  if ! cmp -s "$scratch/wanted" "$scratch/found"; then
    fail "the results are not one for each id ($(wc -l <"$scratch/found") lines)"
  fi
}

# ---- journals ---------------------------------------------------------------------------------------

journal=$scratch/migration.db

# A run of another sub-command than start; its exit code is the second argument.
does() { # sub-command, exit code, argument...
  verb=$1
  shift
  exits "$@"
  verb=start
}
ask_journal() { # SQL
  sqlite3 -readonly "$journal" "$1"
}
in_journal() { # status: how many
  ask_journal "SELECT count(*) FROM experiment WHERE status='$1'"
}
# Each experiment that the journal has as started or running was started once, and no other at all.
journal_agrees() {
  ask_sandbox experiments |
    sed -n 's/.*"id": *\([0-9]*\),.*"starts": *1[,}].*/\1/p' | sort -n >"$scratch/started"
  ask_journal "SELECT id FROM experiment WHERE status IN ('started','running') ORDER BY id" >"$scratch/journaled"
  # The sandbox has other cases' experiments too.
  ask_journal "SELECT id FROM experiment" | sort >"$scratch/ours"
  sort "$scratch/started" | comm -12 - "$scratch/ours" | sort -n >"$scratch/started-ours"
  cmp -s "$scratch/started-ours" "$scratch/journaled" ||
    fail "the journal does not agree with the sandbox: $(diff "$scratch/started-ours" "$scratch/journaled" | head -n 4 | tr '\n' ' ')"
  is "started more than once" "$(stat_of started_more_than_once)" 0
}
