# shellcheck shell=bash
# Name, addresses and places of one fleet. Fleets with different FLEET_NAME and FLEET_NET run side by side.
: "${FLEET_NAME:=ws-local}"
if [[ $(id -u) == 0 ]]; then state=/var/lib; else state=${XDG_STATE_HOME:-${HOME:-/tmp}/.local/state}; fi
: "${FLEET_HOME:=$state/workspace-fleet/$FLEET_NAME}"
: "${FLEET_CACHE:=${HOME:-/var/cache}/.cache/workspace-fleet}"
# A fleet that exists already keeps the network it was made with.
if [[ -z ${FLEET_NET:-} && -s $FLEET_HOME/net ]]; then FLEET_NET=$(<"$FLEET_HOME/net"); fi
: "${FLEET_NET:=10.98}"

say() { printf 'fleet: %s\n' "$*" >&2; }

# fail WHAT [NEXT]: says what is wrong and what to do about it.
fail() {
  printf 'fleet: error: %s\n' "$1" >&2
  if [[ -n ${2:-} ]]; then printf 'fleet: next:  %s\n' "$2" >&2; fi
  exit 1
}

# A command that fails without a word of its own must not end a script in silence.
trap 'say "stopped at: $BASH_COMMAND"' ERR

[[ $FLEET_NAME =~ ^[a-z][a-z0-9-]{0,30}$ ]] ||
  fail "FLEET_NAME '$FLEET_NAME' is not a plain name" "use lower case letters, digits and '-', at most 31"
[[ $FLEET_NET =~ ^([0-9]{1,3})\.([0-9]{1,3})$ && ${BASH_REMATCH[1]} -le 255 && ${BASH_REMATCH[2]} -le 255 ]] ||
  fail "FLEET_NET '$FLEET_NET' is not the first half of an IPv4 address" "use for example FLEET_NET=10.98"
if [[ -s $FLEET_HOME/net && $(<"$FLEET_HOME/net") != "$FLEET_NET" ]]; then
  fail "fleet $FLEET_NAME already uses $(<"$FLEET_HOME/net"), not $FLEET_NET" "run fleet/down first, or choose another FLEET_NAME"
fi

server_name() { printf '%s-%s' "$FLEET_NAME" "$1"; }
server_home() { printf '%s/servers/%s' "$FLEET_HOME" "$1"; }
server_address() { printf '%s.%s.2' "$FLEET_NET" "$1"; }
host_address() { printf '%s.%s.1' "$FLEET_NET" "$1"; }
# A loopback address of the fleet's own, so that parts of two fleets never want the same port.
loopback_address() { printf '127.%s.1' "$FLEET_NET"; }
# Even servers speak mutual TLS, odd ones plain HTTP, so that a fleet of two has one of each.
uses_tls() { (($1 % 2 == 0)); }
server_endpoint() {
  if uses_tls "$1"; then printf 'https://%s:2376' "$(server_address "$1")"; else printf 'http://%s:2375' "$(server_address "$1")"; fi
}
