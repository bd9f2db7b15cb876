# shellcheck shell=bash
# Requests to a server, at the address and with the certificates that a master uses.

# docker_api N PATH [CURL ARG..]: fails on an error status.
docker_api() {
  local n=$1 path=$2 certificates=() dir
  shift 2
  dir=$(certificates_dir)
  if uses_tls "$n"; then certificates=(--cacert "$dir/ca.pem" --cert "$dir/cert.pem" --key "$dir/key.pem"); fi
  curl -sSf --noproxy '*' "${certificates[@]}" "$@" "$(server_endpoint "$n")$path"
}

answers() { [[ $(docker_api "$1" /_ping --max-time 5 2>/dev/null) == OK ]]; }
