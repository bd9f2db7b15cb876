# shellcheck shell=bash
# The fleet as containers of a Docker that runs already (compose.yml): for machines where we are not root on a Debian.

compose() {
  env FLEET_NET="$FLEET_NET" FLEET_HOME="$FLEET_HOME" S3_PORT="$(s3_port 0)" \
    docker compose --project-name "$FLEET_NAME" --file "${here:?}/compose.yml" --profile s3 "$@" >&2 </dev/null
}

compose_up() { # N..
  local n services=()
  if ! docker compose version >/dev/null 2>&1; then
    fail "no way to start Docker servers here" "run as root on Debian or Ubuntu, or install Docker with compose, or use SERVERS=local"
  fi
  (($# <= 2)) || fail "compose.yml has two servers" "ask for fleet/up 2"
  lock_fleet
  printf '%s\n' "$FLEET_NET" >"$FLEET_HOME/net"
  : >"$FLEET_HOME/compose"
  make_certificates "$@"
  for n in "$@"; do services+=("server-$n"); done
  if [[ ${FLEET_S3:-1} != 0 ]]; then
    mkdir -p "$FLEET_HOME/s3"
    write_s3_settings
    services+=(s3)
  fi
  compose up --detach --wait "${services[@]}" || fail "docker compose could not start the fleet" "see its words above"
  for n in "$@"; do
    keep_containers_off_the_api eth0 docker exec "$FLEET_NAME-server-$n-1"
    # Container addresses are this machine's to reach on Linux only.
    wait_until 60 answers "$n" || fail "$(server_name "$n") does not answer at $(server_endpoint "$n")" \
      "see: docker logs $FLEET_NAME-server-$n-1; off Linux use SERVERS=local"
  done
  if [[ ${FLEET_S3:-1} != 0 ]] && ! wait_until 60 serves_objects; then
    fail "the S3 server does not answer at $(s3_endpoint)" "see: docker logs $FLEET_NAME-s3-1; FLEET_S3=0 goes without"
  fi
}

compose_down() {
  compose down --volumes --timeout 5
  rm -rf "$FLEET_HOME"
}

# The image recipe wants a static busybox; where the system has none, one is taken out of an image.
borrow_busybox() {
  local container
  export FLEET_BUSYBOX=$FLEET_CACHE/busybox
  if [[ -x $FLEET_BUSYBOX ]]; then return; fi
  mkdir -p "$FLEET_CACHE"
  container=$(docker create busybox:stable-musl)
  docker cp "$container:/bin/busybox" "$FLEET_BUSYBOX" >&2
  docker rm "$container" >/dev/null
}
