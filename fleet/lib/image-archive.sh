# shellcheck shell=bash
# Docker images without a daemon and without a registry: a directory becomes an archive that `docker load` takes.
# The same content gives the same archive, byte for byte: order, times, owners and names do not depend on the machine.

# image_archive DIRECTORY NAME CONFIG OUT [PATH..]
#   NAME    name:tag; "name:" gets the first 12 hex digits of the image's hash as its tag
#   CONFIG  the image's defaults as JSON, for example {"Cmd":["/bin/sh"]}
#   PATH    what belongs to 1000:1000 inside the image; everything else is root's
# Leaves the image id in OUT.id and the full name in OUT.name.
image_archive() {
  local root=$1 name=$2 config=$3 out=$4 work layer id
  shift 4
  work=$(mktemp -d)
  pack_layer "$root" "$work/layer.tar" "$@"
  layer=$(hash_of "$work/layer.tar")
  printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"workspace-fleet"}]}' \
    "$(image_architecture)" "$config" "$layer" >"$work/config.json"
  id=$(hash_of "$work/config.json")
  if [[ $name == *: ]]; then name+=${id:0:12}; fi
  mkdir "$work/$layer"
  mv "$work/layer.tar" "$work/$layer/layer.tar"
  mv "$work/config.json" "$work/$id.json"
  printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["%s/layer.tar"]}]\n' "$id" "$name" "$layer" >"$work/manifest.json"
  mkdir -p "$(dirname "$out")"
  tar --create "${plain_tar[@]}" --owner=0 --group=0 --mode=u=rwX,go=rX --file "$out.$$" --directory "$work" \
    manifest.json "$id.json" "$layer"
  printf 'sha256:%s\n' "$id" >"$out.id"
  printf '%s\n' "$name" >"$out.name"
  # The archive comes last, whole: where it is, its neighbours are true.
  mv "$out.$$" "$out"
  rm -rf "$work"
}

plain_tar=(--format=gnu --sort=name --mtime=@0 --numeric-owner)

pack_layer() { # ROOT OUT PATH..
  local root=$1 out=$2 path excluded=()
  shift 2
  for path in "$@"; do excluded+=("--exclude=$path"); done
  # Owners are written by tar, not by chown: building an image needs no root.
  (cd "$root" && find . -mindepth 1 -maxdepth 1 -printf '%P\n' | LC_ALL=C sort) |
    tar --create "${plain_tar[@]}" --owner=0 --group=0 --anchored "${excluded[@]}" --file "$out" --directory "$root" --files-from -
  if (($#)); then
    tar --append "${plain_tar[@]}" --owner=1000 --group=1000 --file "$out" --directory "$root" "$@"
  fi
}

hash_of() { sha256sum "$1" | cut -d ' ' -f 1; }

image_architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) fail "no image recipe for a $(uname -m) machine" "use x86_64 or aarch64" ;;
  esac
}
