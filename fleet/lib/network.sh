# shellcheck shell=bash
# Each server has a network namespace of its own and one cable (a veth pair) to this machine.

link_name() { printf 'wf-%s-%s' "${FLEET_NET/./-}" "$1"; }

# plug_in N: namespace, cable, addresses. Safe to repeat; puts back what a test has cut.
plug_in() {
  local name link taken
  name=$(server_name "$1") link=$(link_name "$1")
  [[ -e /run/netns/$name ]] || ip netns add "$name"
  if ! is_plugged_in "$name"; then
    taken=$(ip -o -4 addr show to "$FLEET_NET.$1.0/24")
    [[ -z $taken ]] || fail "$FLEET_NET.$1.0/24 is in use on this machine: $taken" "choose another one, for example FLEET_NET=10.77"
    ip link add "$link" type veth peer name e0 netns "$name"
    ip addr add "$(host_address "$1")/24" dev "$link"
    ip -n "$name" addr add "$(server_address "$1")/24" dev e0
  fi
  ip link set "$link" up
  ip -n "$name" link set lo up
  ip -n "$name" link set e0 up
  # Parts that live beside the fleet (S3, registry) have one address; the other servers reach it by this route.
  ip -n "$name" route replace default via "$(host_address "$1")"
  keep_containers_off_the_api e0 nsenter --net="/run/netns/$name"
}

is_plugged_in() { ip -n "$1" link show e0 >/dev/null 2>&1; }

# The cable is pulled at the server's end: that one is ours, whoever has a link of the same name on this machine.
unplug() {
  local name
  name=$(server_name "$1")
  if [[ ! -e /run/netns/$name ]]; then return; fi
  if is_plugged_in "$name"; then ip -n "$name" link del e0; fi
  ip netns del "$name"
}
