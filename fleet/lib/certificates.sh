# shellcheck shell=bash
# A certificate authority for one fleet, made on the spot with openssl. Names are the ones Docker clients expect:
#   ca.pem cert.pem key.pem                 what a client presents
#   server-N.pem server-N-key.pem           what server N presents
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
      rm -f -- *.pem
      make_authority ca "$FLEET_NAME"
      make_client '' ca 3650
      make_authority other-ca "not $FLEET_NAME"
      make_client other- other-ca 3650
      make_client expired- ca -1
    fi
    for n in "$@"; do
      if uses_tls "$n" && ! is_fresh "server-$n.pem"; then make_server "$n"; fi
    done
  )
}

is_fresh() { [[ -s $1 ]] && openssl x509 -in "$1" -noout -checkend 86400 >/dev/null; }

make_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

make_authority() { # FILE NAME
  make_key "$1-key.pem"
  openssl req -x509 -new -key "$1-key.pem" -sha256 -days 3650 -subj "/CN=$2" -out "$1.pem" \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign'
}

make_client() { # PREFIX AUTHORITY DAYS
  make_key "$1key.pem"
  sign "$1cert.pem" "$1key.pem" "$2" "$3" client 'extendedKeyUsage=clientAuth'
}

make_server() { # N
  make_key "server-$1-key.pem"
  sign "server-$1.pem" "server-$1-key.pem" ca 3650 "$(server_name "$1")" \
    "extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,DNS:$(server_name "$1"),IP:127.0.0.1,IP:$(server_address "$1")"
}

# Written under a temporary name first: a file that is there is whole.
sign() { # CERTIFICATE KEY AUTHORITY DAYS NAME EXTENSIONS
  openssl req -new -key "$2" -subj "/CN=$5" |
    openssl x509 -req -sha256 -days "$4" -CA "$3.pem" -CAkey "$3-key.pem" -set_serial "0x$(openssl rand -hex 8)" \
      -extfile <(printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n%s\n' "$6") -out "$1.new" 2>/dev/null
  mv "$1.new" "$1"
}
