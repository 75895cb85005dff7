# The main job, sentence by sentence. The tests of this file build on each other.
load common

setup_file() {
  use_own_store
  start_registry
  mirror_docker_hub
  export WEB_PORT
  WEB_PORT=$(free_port)
}
teardown_file() { remove_own_store; }

page() { curl -sf --retry 30 --retry-delay 1 --retry-connrefused --max-time 10 "http://127.0.0.1:$WEB_PORT/"; }
layers_of() { strata inspect "$1" | jq -r '.[0].RootFS.Layers[]'; }

@test "a Debian root file system becomes debian:bookworm" {
  mkdir -p "$BATS_FILE_TMPDIR/debian"
  cp "$here/examples/debian/Dockerfile" "$BATS_FILE_TMPDIR/debian/"
  xz -0 -T0 -c "$STRATA_TEST_ROOTFS" >"$BATS_FILE_TMPDIR/debian/rootfs.tar.xz"
  run strata build -t debian:bookworm "$BATS_FILE_TMPDIR/debian"
  [ "$status" -eq 0 ]
  rm "$BATS_FILE_TMPDIR/debian/rootfs.tar.xz"
  # The layer is the archive, file for file.
  run strata run --rm debian:bookworm cat /etc/debian_version
  [ "$status" -eq 0 ]
  [ "$output" = "$(tar xOf "$STRATA_TEST_ROOTFS" ./etc/debian_version)" ]
  strata tag debian:bookworm ubuntu:latest
}

@test "nginx is built from a Dockerfile with apt-get" {
  run strata build -t nginx "$here/examples/nginx"
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
  assert_match "$output" 'naming to docker.io/library/nginx:latest'
}

@test "it is pushed, removed and pulled through the mirror" {
  before=$(layers_of nginx)
  strata tag nginx "$REGISTRY/library/nginx"
  run strata push "$REGISTRY/library/nginx"
  [ "$status" -eq 0 ]
  assert_match "$output" '^The push refers to repository'
  assert_match "$output" '^latest: digest: sha256:[0-9a-f]{64} size: [0-9]+$'
  run strata rmi nginx "$REGISTRY/library/nginx"
  [ "$status" -eq 0 ]
  assert_match "$output" '^Untagged: nginx:latest$'
  assert_match "$output" '^Deleted: sha256:'
  run strata inspect nginx
  [ "$status" -eq 1 ]
  strata builder prune -af  # its cache would spare the download
  run strata pull nginx
  [ "$status" -eq 0 ]
  assert_match "$output" '^Using default tag: latest$'
  assert_match "$output" '^latest: Pulling from library/nginx$'
  assert_match "$output" '^[0-9a-f]{12}: Pull complete$'
  assert_match "$output" '^Digest: sha256:[0-9a-f]{64}$'
  assert_match "$output" '^Status: Downloaded newer image for nginx:latest$'
  assert_match "$output" '^docker.io/library/nginx:latest$'
  [ "$(layers_of nginx)" = "$before" ]
  run strata pull nginx
  assert_match "$output" '^Status: Image is up to date for nginx:latest$'
}

@test "images, history and inspect show it" {
  run strata images
  assert_match "$output" '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$'
  assert_match "$output" '^nginx +latest +[0-9a-f]{12} '
  run strata history nginx
  assert_match "$output" 'RUN /bin/sh -c apt-get update'
  assert_match "$output" 'EXPOSE'
  run strata inspect nginx
  [ "$(jq -r '.[0].Config.ExposedPorts | keys[0]' <<<"$output")" = 80/tcp ]
  [ "$(jq -r '.[0].RepoTags[0]' <<<"$output")" = nginx:latest ]
}

@test "a detached container serves its page through the published port" {
  run strata run -d --name my-nginx -p "$WEB_PORT:80" nginx
  [ "$status" -eq 0 ]
  [[ $output =~ ^[0-9a-f]{64}$ ]]
  assert_match "$(page)" 'Welcome to nginx'
  run strata ps
  assert_match "$output" "nginx .*Up .*0\\.0\\.0\\.0:$WEB_PORT->80/tcp.* my-nginx"
}

@test "logs, exec, a change inside and diff" {
  run strata logs my-nginx
  [ "$status" -eq 0 ]
  run strata exec my-nginx nginx -v
  [ "$status" -eq 0 ]
  assert_match "$output" 'nginx version: nginx/1'
  strata exec my-nginx sh -c 'echo changed inside > /var/www/html/index.html'
  [ "$(page)" = "changed inside" ]
  run strata diff my-nginx
  assert_match "$output" '^A /var/www/html/index.html$'
  assert_match "$output" '^C /var/www/html$'
  refute_match "$output" '^. /(proc|sys|dev/)'
}

@test "stop and start keep what the container wrote" {
  run strata stop my-nginx
  [ "$status" -eq 0 ]
  [ "$output" = my-nginx ]
  run curl -sf --max-time 10 "http://127.0.0.1:$WEB_PORT/"
  [ "$status" -ne 0 ]
  assert_match "$(strata ps -a)" 'Exited \(0\).* my-nginx'
  run strata start my-nginx
  [ "$output" = my-nginx ]
  [ "$(page)" = "changed inside" ]
}

@test "rm -f removes it, and a second container shows that the image did not change" {
  run strata rm -f my-nginx
  [ "$output" = my-nginx ]
  refute_match "$(strata ps -a)" my-nginx
  strata run -d --name second -p "$WEB_PORT:80" nginx
  assert_match "$(page)" 'Welcome to nginx'
  strata rm -f second
  assert_nothing_left
}

@test "layers that did not change are reused by builds and shared on disk" {
  cp -r "$here/examples/app" "$BATS_FILE_TMPDIR/app"
  cd "$BATS_FILE_TMPDIR"
  strata build -t app app
  first=$(layers_of app)
  [ "$(head -n 1 <<<"$first")" = "$(layers_of ubuntu:latest)" ]
  run strata build -t app app
  [ "$(grep -c CACHED <<<"$output")" -eq 2 ]
  [ "$(layers_of app)" = "$first" ]

  strata tag app before
  echo 'print("changed")' >>app/app.py
  run strata build -t app app
  [ "$(grep -c CACHED <<<"$output")" -eq 1 ]
  third=$(layers_of app)
  [ "$(head -n -1 <<<"$third")" = "$(head -n -1 <<<"$first")" ]
  [ "$(tail -n 1 <<<"$third")" != "$(tail -n 1 <<<"$first")" ]
  run strata run --rm app cat /app/app.py
  assert_match "$output" changed

  # "before" and "app" share all but a few kilobytes.
  run strata system df -v
  assert_match "$output" '^app +latest .* [0-9.]+MB +[0-9.]+kB +0$'
}
