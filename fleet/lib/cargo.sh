# shellcheck shell=bash
# Where cargo builds (outside the clone, so that a fresh clone finds it warm) and where tools of ours are installed.
clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$FLEET_CACHE/target}
tools=$FLEET_CACHE/tools
export PATH="$PATH:$tools/bin:${CARGO_HOME:-${HOME:-}/.cargo}/bin"

# The version that Cargo.toml asks for.
wanted_rust() { sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$clone/Cargo.toml" | head -n 1; }

# On a terminal somebody waits and wants to see what for; in a log only what goes wrong matters.
# shellcheck disable=SC2034
progress=(--quiet)
# shellcheck disable=SC2034
if [[ -t 2 ]]; then progress=(); fi

# How the programs of a fleet on this machine are built: as the tests have them, in minutes. `release` takes a multiple,
# for what is to be measured or deployed.
profile=${FLEET_PROFILE:-dev}

in_clone() { (cd "$clone" && "$@"); }

# build_programs NAME..: builds programs of a fleet, all in one go: one after the other each would build what they share
# anew, with other features. For development with those of the whole workspace: the tests find it built.
build_programs() {
  local what=(--package worker --package master)
  if [[ $profile == dev ]]; then what=(--workspace --all-features); fi
  in_clone cargo build "${progress[@]}" --profile "$profile" "${what[@]}" "${@/#/--bin=}" >&2 ||
    fail "$* does not build" "see the compiler's words above"
}

# Where a program is. Cargo keeps what it builds for development in a folder of another name.
program_path() { echo "$CARGO_TARGET_DIR/${profile/#dev/debug}/$1"; }
