# Registries that ask who one is, or whom to trust.
load common

setup_file() {
  use_own_store
  build_busybox
}
teardown_file() { remove_own_store; }
teardown() {
  [ ! -e "$BATS_FILE_TMPDIR/registry.pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/registry.pid")"
  [ ! -e "$BATS_FILE_TMPDIR/tokens.pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/tokens.pid")"
  rm -rf "$BATS_FILE_TMPDIR"/{registry,tokens}.pid "$BATS_FILE_TMPDIR"/{registry,certs.d} "$DOCKER_CONFIG/config.json"
  assert_nothing_left
}

# A certificate for 127.0.0.1 and the CA that signed it: ca.crt, server.crt, server.key.
make_certificates() {
  cd "$BATS_FILE_TMPDIR"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Test CA' -keyout ca.key -out ca.crt
  openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
  echo subjectAltName=IP:127.0.0.1 >server.ext
  openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.crt
} 2>/dev/null

goes_there_and_back() {
  strata tag busybox "$REGISTRY/team/busybox"
  strata push -q "$REGISTRY/team/busybox"
  strata rmi "$REGISTRY/team/busybox"
  strata pull -q "$REGISTRY/team/busybox"
  strata rmi "$REGISTRY/team/busybox"
}

@test "Basic: refused, logged in, logged out" {
  htpasswd -bBc -C 4 "$BATS_FILE_TMPDIR/htpasswd" alice wonderland 2>/dev/null
  start_registry - <<<"auth: {htpasswd: {realm: test, path: $BATS_FILE_TMPDIR/htpasswd}}"
  strata tag busybox "$REGISTRY/team/busybox"
  run strata push "$REGISTRY/team/busybox"
  [ "$status" -eq 1 ]
  assert_match "$output" 'unauthorized: authentication required'
  strata rmi "$REGISTRY/team/busybox"

  run strata login -u alice --password-stdin "$REGISTRY" <<<"looking-glass"
  [ "$status" -eq 1 ]
  assert_match "$output" 'unauthorized'
  refute_match "$output" 'looking-glass'

  run --separate-stderr strata login -u alice --password-stdin "$REGISTRY" <<<"wonderland"
  [ "$output" = "Login Succeeded" ]
  assert_match "$stderr" 'stored unencrypted in .*/config.json'
  [ "$(stat -c %a "$DOCKER_CONFIG/config.json")" = 600 ]
  goes_there_and_back
  # What skopeo does with the file shows that we wrote it as docker does.
  skopeo inspect --tls-verify=false --authfile "$DOCKER_CONFIG/config.json" "docker://$REGISTRY/team/busybox" >/dev/null

  run strata logout "$REGISTRY"
  [ "$output" = "Removing login credentials for $REGISTRY" ]
  run strata pull "$REGISTRY/team/busybox"
  [ "$status" -eq 1 ]
  assert_match "$output" "pull access denied for $REGISTRY/team/busybox, repository does not exist or may require 'strata login'"
}

@test "TLS with a private CA, which certs.d makes trusted" {
  make_certificates
  start_registry - <<<"  tls: {certificate: $BATS_FILE_TMPDIR/server.crt, key: $BATS_FILE_TMPDIR/server.key}"
  mkdir -p "$BATS_FILE_TMPDIR/certs.d/$REGISTRY"
  cp "$BATS_FILE_TMPDIR/ca.crt" "$BATS_FILE_TMPDIR/certs.d/$REGISTRY/"
  goes_there_and_back
  # Another CA is not trusted, and its error says what is wrong.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=Other' -keyout /dev/null \
    -out "$BATS_FILE_TMPDIR/certs.d/$REGISTRY/ca.crt" 2>/dev/null
  run strata pull "$REGISTRY/team/busybox"
  [ "$status" -eq 1 ]
  assert_match "$output" "TLS to $REGISTRY: SSL certificate problem"
}

@test "Bearer tokens, as Docker Hub gives them" {
  make_certificates
  local port
  port=$(free_port)
  strata-test-token-server "$port" "$BATS_FILE_TMPDIR/server.crt" "$BATS_FILE_TMPDIR/server.key" alice wonderland \
    >/dev/null 2>&1 3>&- &
  echo $! >"$BATS_FILE_TMPDIR/tokens.pid"
  start_registry - <<YML
auth:
  token: {realm: "http://127.0.0.1:$port/token", service: test-registry, issuer: test-issuer, rootcertbundle: $BATS_FILE_TMPDIR/server.crt}
YML
  until_true 60 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null
  run strata pull "$REGISTRY/team/busybox"
  [ "$status" -eq 1 ]
  strata login -u alice --password-stdin "$REGISTRY" <<<"wonderland"
  refute_match "$(cat "$DOCKER_CONFIG/config.json")" "$(printf alice:wonderland | base64)"
  goes_there_and_back
}

@test "login asks on a terminal, without echo" {
  htpasswd -bBc -C 4 "$BATS_FILE_TMPDIR/htpasswd" alice wonderland 2>/dev/null
  start_registry - <<<"auth: {htpasswd: {realm: test, path: $BATS_FILE_TMPDIR/htpasswd}}"
  run strata login "$REGISTRY" </dev/null
  [ "$status" -eq 1 ]
  assert_match "$output" 'Cannot perform an interactive login from a non TTY device'

  local socket=$BATS_FILE_TMPDIR/tmux
  tmux -S "$socket" new-session -d -x 120 -y 30 "strata login $REGISTRY; echo code \$?; exec sleep 1000"
  screen() { tmux -S "$socket" capture-pane -p; }
  shows() { screen | grep -q -- "$1"; }
  until_true 60 shows Username:
  tmux -S "$socket" send-keys alice Enter
  until_true 60 shows Password:
  tmux -S "$socket" send-keys wonderland Enter
  until_true 60 shows 'code 0'
  assert_match "$(screen)" 'Login Succeeded'
  refute_match "$(screen)" wonderland
  tmux -S "$socket" kill-server
}
