# shellcheck shell=bash
# JSON with nothing but bash and awk: a bare Debian has neither python nor jq.

# json_file FILE: a PEM file as a JSON string (PEM needs no escapes but for its line ends).
json_file() { awk 'BEGIN { printf "\"" } { printf "%s\\n", $0 } END { printf "\"" }' "$1"; }

server_json() { # N
  local dir tls=null insecure=true label=false
  dir=$(certificates_dir)
  if uses_tls "$1"; then
    tls="{\"ca\":$(json_file "$dir/ca.pem"),\"cert\":$(json_file "$dir/cert.pem"),\"key\":$(json_file "$dir/key.pem")}"
    insecure=false label=true
  fi
  printf '{"name":"%s","endpoint":"%s","tls":%s,"allow_insecure":%s,"labels":{"region":"local","tls":"%s"},"max_workspaces":50}' \
    "$(server_name "$1")" "$(server_endpoint "$1")" "$tls" "$insecure" "$label"
}

# servers_json N..: one array, exactly what WORKSPACE_SERVERS takes.
servers_json() {
  local n separator=
  printf '['
  for n in "$@"; do
    printf '%s%s' "$separator" "$(server_json "$n")"
    separator=,
  done
  printf ']\n'
}
