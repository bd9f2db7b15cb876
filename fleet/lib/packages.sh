# shellcheck shell=bash
# Installs Debian packages that are missing, and nothing else.

is_debian() { [[ -e /etc/debian_version ]] && command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# One query for all, so that a second run costs nothing. Prints those that are there.
installed_of() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || :; }

# need_packages PACKAGE..
need_packages() {
  local missing=() package installed
  installed=" $(installed_of "$@" | tr '\n' ' ')"
  for package in "$@"; do [[ $installed == *" $package "* ]] || missing+=("$package"); done
  if ((${#missing[@]} == 0)); then return; fi
  is_debian || fail "missing: ${missing[*]}" "install them; the script itself only knows Debian and Ubuntu"
  [[ $(id -u) == 0 ]] || fail "missing packages: ${missing[*]}" "run as root: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  install_quietly "${missing[@]}" ||
    fail "apt-get could not install ${missing[*]}" "see its words above; is a package source reachable?"
}

# In a subshell, whose end puts everything back, whatever ends it. One at a time: the second would lose its
# policy-rc.d when the first is done.
install_quietly() (
  set +e
  mkdir -p "$FLEET_CACHE"
  exec 7>"$FLEET_CACHE/apt.lock"
  flock 7
  log=$(mktemp)
  trap 'start_again; rm -f "$log"' EXIT
  trap 'exit 130' INT TERM
  start_nothing
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@"; } \
    >"$log" 2>&1 </dev/null 7>&- 9>&- && exit 0
  tail -n 20 "$log" >&2
  exit 1
)

# An installed package must not start its service: docker.io, docker-registry and postgresql would, on the host's own
# network and default ports. Debian asks /usr/sbin/policy-rc.d first; ours says no and goes away again. createcluster.d
# is the same for the database cluster that postgresql would make.
start_nothing() {
  made_policy='' made_cluster=''
  if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    made_policy=yes
  fi
  if [[ -z $(installed_of postgresql-common) ]]; then
    install -d /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/workspace-fleet.conf
    made_cluster=yes
  fi
}

start_again() {
  if [[ -n $made_policy ]]; then rm -f /usr/sbin/policy-rc.d; fi
  if [[ -n $made_cluster ]]; then rm -f /etc/postgresql-common/createcluster.d/workspace-fleet.conf; fi
}
