# shellcheck shell=bash
# Docker needs cgroups. systemd mounts them; a container or a bare root does not.

mount_cgroups() {
  local controller dir
  # Mounted already: by systemd (version 1 or 2), or by an earlier run.
  if [[ -e /sys/fs/cgroup/cgroup.controllers || -d /sys/fs/cgroup/systemd || -d /sys/fs/cgroup/memory ]]; then return; fi
  # A kernel that gives none of its controllers to version 1 has them all in version 2.
  if [[ -z $(version_1_controllers) ]]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup || fail "cannot mount cgroup2 on /sys/fs/cgroup" "run on a machine or in a container that may mount"
    return
  fi
  mountpoint -q /sys/fs/cgroup || mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup ||
    fail "cannot mount /sys/fs/cgroup" "run on a machine or in a container that may mount"
  for controller in $(version_1_controllers); do
    dir=/sys/fs/cgroup/$controller
    mkdir -p "$dir"
    # One that version 2 holds cannot be mounted here; Docker does without.
    mount -t cgroup -o "$controller" cgroup "$dir" 2>/dev/null || rmdir "$dir"
  done
  dir=/sys/fs/cgroup/systemd
  mkdir -p "$dir"
  mount -t cgroup -o none,name=systemd cgroup "$dir"
}

version_1_controllers() { awk 'NR > 1 && $4 == 1 && $2 > 0 { print $1 }' /proc/cgroups; }

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
