# shellcheck shell=bash
# One script at a time changes a fleet. The lock lives in the fleet's directory and goes away with it,
# so a lock that was won on a removed file is not the lock any more and is taken again.
lock_fleet() {
  while :; do
    mkdir -p "$FLEET_HOME"
    exec 9>"$FLEET_HOME/lock" || continue
    flock -w 600 9 || fail "another script has been changing fleet $FLEET_NAME for ten minutes" "look for it with: fuser -v $FLEET_HOME/lock"
    [[ /proc/self/fd/9 -ef $FLEET_HOME/lock ]] && return
  done
}
