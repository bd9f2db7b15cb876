# shellcheck shell=bash
# A certificate authority for one fleet, made on the spot with openssl. Names are the ones Docker clients expect:
#   ca.pem cert.pem key.pem                 what a client presents
#   server-N.pem server-N-key.pem           what server N presents
#   NAME.pem NAME-key.pem                   what a service beside the servers presents
#   other-ca.pem other-cert.pem other-key.pem        a client of an unrelated authority (must be refused)
#   expired-cert.pem expired-key.pem        a client of our authority whose time is over (must be refused)

certificates_dir() { printf '%s/certs' "$FLEET_HOME"; }

make_certificates() {
  local dir n
  dir=$(certificates_dir)
  (
    umask 077
    mkdir -p "$dir"
    cd "$dir" || exit
    # A day of margin: nothing should expire in the middle of a run.
    if ! is_fresh cert.pem; then
      rm -rf -- *.pem issued
      make_authority ca "$FLEET_NAME"
      make_authority other-ca "not $FLEET_NAME"
      make_client other- other-ca
      make_expired_client
      # Last, because its being there says that all are.
      make_client '' ca
    fi
    for n in "$@"; do
      if uses_tls "$n" && ! is_fresh "server-$n.pem"; then make_server "$n"; fi
    done
  )
}

is_fresh() { [[ -s $1 ]] && openssl x509 -in "$1" -noout -checkend 86400 >/dev/null; }

# openssl talks even when all is well: only what went wrong is shown.
quiet_openssl() {
  openssl "$@" 2>>openssl.log || fail "openssl $1 failed: $(tail -n 3 openssl.log)" "is this openssl older than 1.1.1?"
}

make_key() { quiet_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

make_authority() { # FILE NAME
  make_key "$1-key.pem"
  quiet_openssl req -x509 -new -key "$1-key.pem" -sha256 -days 3650 -subj "/CN=$2" -out "$1.pem" \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign'
}

make_client() { # PREFIX AUTHORITY
  request "$1cert" "$1key.pem" client 'extendedKeyUsage=clientAuth'
  sign "$1cert" "$2"
}

make_server() { # N
  request "server-$1" "server-$1-key.pem" "$(server_name "$1")" "extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,DNS:$(server_name "$1"),IP:127.0.0.1,IP:$(server_address "$1")"
  sign "server-$1" ca 825
}

make_service() { # NAME ALTERNATIVE-NAMES; keeps one that is fresh
  (
    cd "$(certificates_dir)" || exit
    if is_fresh "$1.pem"; then exit; fi
    request "$1" "$1-key.pem" "$FLEET_NAME-$1" "extendedKeyUsage=serverAuth
subjectAltName=$2"
    sign "$1" ca
  )
}

# Only `openssl ca` can sign for a time that is over in every version; it wants a configuration and a database.
make_expired_client() {
  request expired-cert expired-key.pem client 'extendedKeyUsage=clientAuth'
  : >index.txt
  openssl rand -hex 8 >serial
  mkdir issued
  printf '%s\n' '[ca]' 'default_ca=once' '[once]' 'database=index.txt' 'serial=serial' 'new_certs_dir=issued' 'policy=any' 'default_md=sha256' \
    '[any]' 'commonName=supplied' >ca.conf
  quiet_openssl ca -config ca.conf -batch -notext -startdate 20200101000000Z -enddate 20200201000000Z \
    -cert ca.pem -keyfile ca-key.pem -extfile expired-cert.ext -in expired-cert.csr -out expired-cert.pem
  rm -rf issued index.txt* serial* ca.conf expired-cert.csr expired-cert.ext
}

request() { # NAME KEY SUBJECT EXTENSIONS; leaves NAME.csr and NAME.ext
  make_key "$2"
  printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n%s\n' "$4" >"$1.ext"
  quiet_openssl req -new -key "$2" -subj "/CN=$3" -out "$1.csr"
}

# Written under a temporary name first: a certificate that is there is whole.
sign() { # NAME AUTHORITY [DAYS]
  quiet_openssl x509 -req -sha256 -days "${3:-3650}" -CA "$2.pem" -CAkey "$2-key.pem" -set_serial "0x$(openssl rand -hex 8)" \
    -extfile "$1.ext" -in "$1.csr" -out "$1.new"
  mv "$1.new" "$1.pem"
  rm -f "$1.csr" "$1.ext"
}
