# shellcheck shell=bash
# A copy of a tree at a place that stays the same from run to run. Cargo tells by a file's time whether it changed, and the
# compiler keeps what it knows by path: in a fresh clone everything is new, in the copy only what differs is.

# What is tracked, and what would be; all of what is a copy itself.
tree_files() { # FROM
  cd "$1" || return
  if [[ ! -e .git ]]; then
    find . -type f -printf '%P\0'
    return
  fi
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do if [[ -e $file ]]; then printf '%s\0' "$file"; fi; done
}

is_run_like() { [[ -x $1 && -x $2 || ! -x $1 && ! -x $2 ]]; }

# Makes TO the same as FROM. What differed gets a time of now: what was built from it is out of date, also where it
# becomes what it was once before.
copy_tree() { # FROM TO
  local from=$1 to=$2 file
  local -A wanted=()
  mkdir -p "$to"
  while IFS= read -r -d '' file; do
    wanted[$file]=1
    if cmp -s "$from/$file" "$to/$file" && is_run_like "$from/$file" "$to/$file"; then continue; fi
    mkdir -p "$to/$(dirname "$file")"
    cp --preserve=mode "$from/$file" "$to/$file"
  done < <(tree_files "$from")
  while IFS= read -r -d '' file; do
    if [[ -z ${wanted[$file]:-} ]]; then rm "$to/$file"; fi
  done < <(tree_files "$to")
}
