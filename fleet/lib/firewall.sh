# shellcheck shell=bash
# A workspace must not reach a Docker API. Container traffic to one is dropped: to the server's own (INPUT, from anything
# but the outer link) and to any other (forwarded out of that link).

# keep_containers_off_the_api LINK PREFIX..: PREFIX runs a command in the server's network. Safe to repeat, and safe
# before dockerd starts: it adds its own rules around these.
keep_containers_off_the_api() {
  local link=$1 api=(-p tcp -m multiport --dports '2375,2376' -j DROP)
  shift
  local tables=("$@" iptables -w 10)
  "${tables[@]}" -n -L DOCKER-USER >/dev/null 2>&1 || "${tables[@]}" -N DOCKER-USER
  "${tables[@]}" -C DOCKER-USER -o "$link" "${api[@]}" 2>/dev/null || "${tables[@]}" -I DOCKER-USER -o "$link" "${api[@]}"
  if "${tables[@]}" -C INPUT -j FLEET-INPUT 2>/dev/null; then return; fi
  "${tables[@]}" -N FLEET-INPUT 2>/dev/null || "${tables[@]}" -F FLEET-INPUT
  "${tables[@]}" -A FLEET-INPUT -i lo -j RETURN
  "${tables[@]}" -A FLEET-INPUT -i "$link" -j RETURN
  "${tables[@]}" -A FLEET-INPUT "${api[@]}"
  "${tables[@]}" -I INPUT -j FLEET-INPUT
}
