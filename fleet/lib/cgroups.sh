# shellcheck shell=bash
# Docker needs cgroups. systemd mounts them; a container or a bare root does not.

mount_cgroups() {
  local controller dir
  # Mounted already: by systemd (version 1 or 2), or by an earlier run.
  if [[ -e /sys/fs/cgroup/cgroup.controllers || -d /sys/fs/cgroup/systemd || -d /sys/fs/cgroup/memory ]]; then return; fi
  # Only the version 2 hierarchy is in use on this kernel: this is a bare root on a version 2 machine.
  if grep -q '^0::' /proc/self/cgroup && ! grep -q '^[1-9]' /proc/self/cgroup; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup || fail "cannot mount /sys/fs/cgroup" "run on a machine or in a container that may mount"
    return
  fi
  mountpoint -q /sys/fs/cgroup || mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup ||
    fail "cannot mount /sys/fs/cgroup" "run on a machine or in a container that may mount"
  while read -r controller; do
    dir=/sys/fs/cgroup/$controller
    mkdir -p "$dir"
    # One that version 2 holds cannot be mounted here; Docker does without.
    mount -t cgroup -o "$controller" cgroup "$dir" 2>/dev/null || rmdir "$dir"
  done < <(awk 'NR > 1 && $4 == 1 { print $1 }' /proc/cgroups)
  dir=/sys/fs/cgroup/systemd
  mkdir -p "$dir"
  mount -t cgroup -o none,name=systemd cgroup "$dir"
}

# cgroup_dirs NAME: the directories of our cgroup in every hierarchy.
cgroup_dirs() {
  local dir
  for dir in /sys/fs/cgroup/"$1" /sys/fs/cgroup/*/"$1"; do
    if [[ -d $dir ]]; then printf '%s\n' "$dir"; fi
  done
}

kill_cgroup() {
  local dir pid
  for dir in $(cgroup_dirs "$1"); do
    for pid in $(find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u); do
      kill -KILL "$pid" 2>/dev/null || :
    done
  done
}

# Directories of a cgroup cannot be deleted with their control files, only emptied from the leaves up.
remove_cgroup() {
  local dir
  for dir in $(cgroup_dirs "$1"); do
    find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || :
  done
}
