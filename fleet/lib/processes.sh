# shellcheck shell=bash
# Long-lived programs: started detached, found again by pid file, stopped only when they are really ours.

# start_detached LOG PROGRAM ARG..: leaves the pid in $started; keeps neither our lock nor our output open.
# Returns when the program has taken over the process: until then its command line is still this script's.
start_detached() {
  local log=$1
  shift
  setsid "$@" >>"$log" 2>&1 </dev/null 9>&- &
  started=$!
  until process_has "$started" "${!#}" || ! is_alive "$started"; do sleep 0.01; done
}

# is_running PIDFILE MARK: does that pid live, and does its command line contain MARK?
# A stale pid file may name a stranger; a zombie has an empty command line. Both count as not running.
is_running() {
  local pid words
  [[ -s $1 ]] || return 1
  pid=$(<"$1")
  process_has "$pid" "$2"
}

process_has() {
  local words=()
  [[ $1 =~ ^[0-9]+$ ]] || return 1
  mapfile -d '' -t words 2>/dev/null <"/proc/$1/cmdline" || return 1
  [[ ${words[*]} == *"$2"* ]]
}

# is_alive PID: a process that is there and not a zombie.
is_alive() { [[ ${1:-} =~ ^[0-9]+$ ]] && grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"; }

# wait_until SECONDS COMMAND..: polls a condition, fails when it does not come true in time.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if ((SECONDS >= deadline)); then return 1; fi
    sleep 0.1
  done
}

is_gone() { ! is_running "$1" "$2"; }

# stop_process PIDFILE MARK SECONDS: asks politely, then insists.
stop_process() {
  if is_running "$1" "$2"; then
    kill -TERM "$(<"$1")" 2>/dev/null || :
    if ! wait_until "$3" is_gone "$1" "$2"; then
      kill -KILL "$(<"$1")" 2>/dev/null || :
      wait_until 10 is_gone "$1" "$2" || fail "process $(<"$1") does not end" "look at it with: ps -fp $(<"$1")"
    fi
  fi
  rm -f "$1"
}
