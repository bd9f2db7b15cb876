# shellcheck shell=bash
# Puts an image on a server that does not have exactly that one.

load_image() { # N ARCHIVE
  local name id
  name=$(<"$2.name") id=$(<"$2.id")
  if [[ $(docker_api "$1" "/images/$name/json" 2>/dev/null) == *"\"Id\":\"$id\""* ]]; then return; fi
  say "loading ${name%:latest} on $(server_name "$1")"
  docker_api "$1" '/images/load?quiet=1' -o /dev/null -H 'Content-Type: application/x-tar' --data-binary "@$2" ||
    fail "$(server_name "$1") does not take image $name" "see the log of that server"
}
