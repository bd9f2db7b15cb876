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

in_clone() { (cd "$clone" && "$@"); }
