# shellcheck shell=bash
# One Docker server: a dockerd of its own, with a containerd of its own, in a network namespace of its own.

dockerd_pid() { printf '%s/docker.pid' "$(server_home "$1")"; }
dockerd_mark() { printf -- '--data-root %s/data' "$(server_home "$1")"; }
dockerd_runs() { is_running "$(dockerd_pid "$1")" "$(dockerd_mark "$1")"; }

declare -A started_pid=()

start_dockerd() {
  local n=$1 home
  home=$(server_home "$n")
  mkdir -p "$home"
  if dockerd_runs "$n"; then return; fi
  forget_the_dead "$n"
  write_configuration "$home"
  listen_flags "$n"
  say "starting $(server_name "$n")"
  start_detached "$home/log" nsenter --net="/run/netns/$(server_name "$n")" dockerd \
    --data-root "$home/data" --exec-root "$home/exec" --pidfile "$(dockerd_pid "$n")" --config-file "$home/daemon.json" \
    --group root --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$(server_name "$n")" \
    --insecure-registry "$FLEET_NET.0.0/16" -H "unix://$home/docker.sock" "${listen[@]}"
  started_pid[$n]=${started:?}
}

listen_flags() { # N; leaves them in $listen
  local dir
  dir=$(certificates_dir)
  if uses_tls "$1"; then
    listen=(-H "tcp://$(server_address "$1"):2376" --tlsverify --tlscacert "$dir/ca.pem"
      --tlscert "$dir/server-$1.pem" --tlskey "$dir/server-$1-key.pem")
  else
    # Saying no to TLS aloud saves the fifteen seconds dockerd otherwise waits as a warning.
    listen=(-H "tcp://$(server_address "$1"):2375" --tls=false)
  fi
}

# A configuration of its own: the host's /etc/docker/daemon.json is not for us. Before version 24 a server's identity is
# a key in /etc/docker, where all servers of one machine would share it.
write_configuration() { # HOME
  if [[ $(dockerd --version) =~ version\ ([0-9]+) && ${BASH_REMATCH[1]} -lt 24 ]]; then
    printf '{"deprecated-key-path":"%s/key.json"}\n' "$1"
  else
    echo '{}'
  fi >"$1/daemon.json"
}

# After a kill or a reboot the pid files stay and may name a zombie or a stranger; dockerd would refuse to start or wait
# for a containerd that is not there.
forget_the_dead() {
  local home
  home=$(server_home "$1")
  rm -f "$(dockerd_pid "$1")"
  is_running "$home/exec/containerd/containerd.pid" "$home/exec" || rm -f "$home/exec/containerd/containerd.pid"
}

wait_for_dockerd() {
  local n=$1 log
  log=$(server_home "$n")/log
  if wait_until 60 answers_or_died "$n" && answers "$n"; then return; fi
  tail -n 25 "$log" >&2
  fail "$(server_name "$n") does not answer at $(server_endpoint "$n")" "see its log above and in $log; start over with fleet/down"
}

answers_or_died() { answers "$1" || ! { dockerd_runs "$1" || is_alive "${started_pid[$1]:-}"; }; }

# stop_dockerd N: the server, what it left behind, its mounts and its data.
stop_dockerd() {
  local n=$1 name home pid
  name=$(server_name "$n") home=$(server_home "$n")
  # Containers go first: dockerd would give each ten seconds to end, for data that are thrown away anyway.
  kill_cgroup "$name"
  stop_process "$(dockerd_pid "$n")" "$(dockerd_mark "$n")" 20
  # A killed dockerd leaves containerd, shims and port proxies; the namespace and the cgroup know which are ours.
  wait_until 10 nobody_is_left "$name" || fail "processes of $name do not end" "look at them: ip netns pids $name"
  unmount_below "$home"
  rm -rf "$home"
  remove_cgroup "$name"
}

nobody_is_left() {
  kill_cgroup "$1"
  if [[ ! -e /run/netns/$1 ]]; then return; fi
  local pids
  pids=$(ip netns pids "$1")
  if [[ -z $pids ]]; then return; fi
  for pid in $pids; do kill -KILL "$pid" 2>/dev/null || :; done
  return 1
}

# unmount_below DIR: deepest first, as the kernel lists them in the order they were made.
unmount_below() {
  local mount
  while read -r mount; do umount -l "$mount"; done < <(awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | sort -r)
}
