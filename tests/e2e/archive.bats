# Images as archives, here and in podman, skopeo and docker; containers as tars.
load common

setup_file() {
  use_own_store
  start_registry
  build_busybox
  mkdir -p "$BATS_FILE_TMPDIR/derived"
  printf 'FROM busybox\nRUN echo two >/two\n' | strata build -q -t two -f - "$BATS_FILE_TMPDIR/derived" >/dev/null
  strata save -o "$BATS_FILE_TMPDIR/both.tar" busybox two
  # What builds keep would keep layers.
  remove_images
  strata builder prune -af >/dev/null
  strata load -qi "$BATS_FILE_TMPDIR/both.tar" >/dev/null
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$BATS_FILE_TMPDIR/policy.json"
}
teardown_file() { remove_own_store; }
setup() { cd "$BATS_TEST_TMPDIR"; }
teardown() {
  [ -z "${docker_pid:-}" ] || { kill "$docker_pid" && wait "$docker_pid" || true; }
  [ -z "${httpd_pid:-}" ] || { kill "$httpd_pid" && wait "$httpd_pid" || true; }
  remove_images
  strata load -qi "$BATS_FILE_TMPDIR/both.tar" >/dev/null
  assert_nothing_left
}

remove_images() { strata images -q --no-trunc | sort -u | xargs -r strata rmi -f >/dev/null; }
# Nothing of any image: no record, no layer.
assert_no_images() {
  [ -z "$(strata images -aq 2>/dev/null || strata images -q)" ]
  [ -z "$(find "$STRATA_ROOT/layers" -type f 2>/dev/null)" ] || { ls "$STRATA_ROOT/layers"; return 1; }
}
copy() { skopeo --policy "$BATS_FILE_TMPDIR/policy.json" copy -q "$@"; }
id_of() { strata images -q --no-trunc "$1"; }

# loads_and_runs FILE NAME [TEXT]: from the file and as a stream, into an empty store.
loads_and_runs() {
  remove_images
  strata load -i "$1" | grep -xF "Loaded image: $2"
  [ "$(strata run --rm "$2" echo ran)" = ran ]
  [ -d "$1" ] && return
  remove_images
  cat "$1" | strata load | grep -xF "Loaded image: $2"
  [ "$(strata run --rm "$2" echo ran)" = ran ]
}

@test "what was saved is loaded again, from a file and as a stream" {
  local id
  id=$(id_of two)
  strata save -o two.tar two
  [ "$(stat -c %a two.tar)" = 600 ]
  loads_and_runs two.tar two:latest
  [ "$(id_of two)" = "$id" ]
  strata save two | cmp - two.tar
  [ "$(strata load -i two.tar)" = "Loaded image: two:latest" ]
}

@test "several images in one archive share their layers" {
  [ "$(tar tf "$BATS_FILE_TMPDIR/both.tar" | sort | uniq -d)" = "" ]
  # Three layers of which two are shared; two manifests and two configs.
  [ "$(tar tf "$BATS_FILE_TMPDIR/both.tar" | grep -c '^blobs/sha256/.')" -eq 7 ]
  remove_images
  run strata load -i "$BATS_FILE_TMPDIR/both.tar"
  [ "$output" = $'Loaded image: busybox:latest\nLoaded image: two:latest' ]
  [ "$(strata run --rm two cat /two)" = two ]
}

@test "by name, by ID, and all tags of a repository" {
  strata tag busybox two:1
  strata save two | tar xO manifest.json | jq -c '[.[].RepoTags]' >tags
  [ "$(cat tags)" = '[["two:1"],["two:latest"]]' ] || [ "$(cat tags)" = '[["two:latest"],["two:1"]]' ]
  [ "$(strata save two:1 | tar xO manifest.json | jq -c '.[0].RepoTags')" = '["two:1"]' ]
  local id
  id=$(id_of two:latest)
  strata save -o id.tar "${id:7:12}"
  [ "$(tar xOf id.tar manifest.json | jq -c '.[0].RepoTags')" = null ]
  remove_images
  [ "$(strata load -qi id.tar)" = "Loaded image ID: $id" ]
  run strata save -o x.tar nothing
  [ "$status" -eq 1 ]
  assert_match "$output" 'No such image: nothing:latest'
  [ ! -e x.tar ] && [ "$(ls)" = $'id.tar\ntags' ]
}

@test "a tag that moves is said to move" {
  strata save -o two.tar two
  strata tag busybox two
  run strata load -i two.tar
  [ "${lines[0]}" = "The image two:latest already exists, renaming the old one with ID $(id_of busybox) to empty string" ]
  [ "${lines[1]}" = "Loaded image: two:latest" ]
}

@test "an archive in any compression" {
  local compression
  for compression in gzip zstd xz bzip2; do
    $compression -c "$BATS_FILE_TMPDIR/both.tar" >"both.$compression"
    loads_and_runs "both.$compression" two:latest
  done
}

@test "manifest and RepoDigests survive pull, save and load" {
  strata tag two "$REGISTRY/team/two:1"
  strata push -q "$REGISTRY/team/two:1"
  remove_images
  strata pull -q "$REGISTRY/team/two:1"
  local digest
  digest=$(strata inspect "$REGISTRY/team/two:1" | jq -c '.[0].RepoDigests')
  assert_match "$digest" "$REGISTRY/team/two@sha256:"
  strata save -o pulled.tar "$REGISTRY/team/two:1"
  loads_and_runs pulled.tar "$REGISTRY/team/two:1"
  [ "$(strata inspect "$REGISTRY/team/two:1" | jq -c '.[0].RepoDigests')" = "$digest" ]
  strata save "$REGISTRY/team/two:1" | cmp - pulled.tar
  # The bytes are the registry's, and nobody who reads the archive minds.
  digest=$(jq -r '.[0] | split("@")[1]' <<<"$digest")
  skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/team/two:1" | cmp - <(tar xOf pulled.tar "blobs/sha256/${digest#sha256:}")
  copy oci-archive:pulled.tar:1 dir:copied
  copy docker-archive:pulled.tar dir:copied2
}

@test "what skopeo wrote loads here" {
  copy "docker-archive:$BATS_FILE_TMPDIR/both.tar:two:latest" docker-archive:docker.tar:from/skopeo:1
  loads_and_runs docker.tar from/skopeo:1
  copy "docker-archive:$BATS_FILE_TMPDIR/both.tar:two:latest" oci-archive:oci.tar:localhost/oci:2
  loads_and_runs oci.tar localhost/oci:2
  copy --dest-compress-format zstd "docker-archive:$BATS_FILE_TMPDIR/both.tar:two:latest" oci:layout:localhost/layout:3
  loads_and_runs layout localhost/layout:3
  tar cf layout.tar -C layout .
  loads_and_runs layout.tar localhost/layout:3
}

@test "ours load in skopeo" {
  local format
  strata save --format docker-archive -o docker.tar two
  strata save --format oci-archive -o oci.tar two
  strata save --format oci-dir -o layout two
  for format in docker-archive:docker.tar oci-archive:oci.tar:latest oci:layout:latest \
    "docker-archive:$BATS_FILE_TMPDIR/both.tar:two:latest"; do
    rm -rf copied
    copy "$format" dir:copied
    [ "$(skopeo inspect --config dir:copied | jq -c '.rootfs.diff_ids | length')" -eq 3 ]
  done
  loads_and_runs docker.tar two:latest
  loads_and_runs oci.tar two:latest
  loads_and_runs layout two:latest
}

# It refuses a run root with a long name.
podman_here() { command podman --root "$BATS_TEST_TMPDIR/podman" --runroot "$podman_run" --storage-driver vfs \
  --runtime runc --cgroup-manager cgroupfs --events-backend none "$@" 2>podman-errors || { cat podman-errors; return 1; }; }

@test "podman: there and back" {
  [ -n "$(type -P podman)" ] || skip "podman is not installed"
  local id format podman_run
  podman_run=$(mktemp -d /tmp/strata-podman.XXXXXX)
  id=$(id_of two)
  podman_here load -i "$BATS_FILE_TMPDIR/both.tar"
  [ "$(podman_here images -q --no-trunc localhost/two)" = "$id" ]
  podman_here save -q -m -o multi.tar localhost/two localhost/busybox
  for format in docker-archive oci-archive; do
    podman_here save -q --format "$format" -o "$format.tar" localhost/two
    loads_and_runs "$format.tar" localhost/two:latest
  done
  loads_and_runs multi.tar localhost/two:latest
  podman_here rmi -af >/dev/null
  for format in docker-archive oci-archive oci-dir; do
    strata load -qi "$BATS_FILE_TMPDIR/both.tar" >/dev/null
    strata save --format "$format" -o "ours-$format" two
    podman_here load -i "ours-$format"
    [ "$(podman_here images -q --no-trunc | sort -u)" = "$id" ]
    podman_here rmi -af >/dev/null
  done
  rm -r "$podman_run"
}

# dockerd, for images alone: no network, no containers.
start_docker() {
  : "${STRATA_TEST_DOCKER:=$here/build/fixtures/docker}"
  [ -x "$STRATA_TEST_DOCKER/usr/sbin/dockerd" ] || [ -n "$(type -P dockerd)" ] || skip "there is no dockerd"
  export DOCKER_HOST=unix://$BATS_TEST_TMPDIR/docker.sock
  # No process may outlive the test: containerd is dockerd's child, and ends with it.
  PATH=$STRATA_TEST_DOCKER/usr/sbin:$STRATA_TEST_DOCKER/usr/bin:$PATH dockerd --host "$DOCKER_HOST" --data-root "$BATS_TEST_TMPDIR/docker-data" \
    --exec-root "$BATS_TEST_TMPDIR/docker-exec" --pidfile "$BATS_TEST_TMPDIR/docker.pid" --storage-driver vfs --iptables=false \
    --ip6tables=false --bridge=none >docker.log 2>&1 3>&- &
  docker_pid=$!
  until_true 60 curl -sf --unix-socket "$BATS_TEST_TMPDIR/docker.sock" http://docker/_ping || { cat docker.log; return 1; }
  docker=$STRATA_TEST_DOCKER/usr/bin/docker
  [ -x "$docker" ] || docker=docker
}

@test "docker: there and back" {
  local id
  start_docker
  id=$(id_of two)
  "$docker" load -qi "$BATS_FILE_TMPDIR/both.tar"
  [ "$("$docker" images -q --no-trunc two)" = "$id" ]
  "$docker" save -o docker.tar two busybox
  "$docker" rmi -f two busybox >/dev/null
  strata save --format docker-archive -o ours.tar two
  "$docker" load -qi ours.tar
  [ "$("$docker" images -q --no-trunc two)" = "$id" ]
  loads_and_runs docker.tar two:latest
  [ "$(id_of two)" = "$id" ]
}

# Docker's layout before version 25: a directory for each layer, a link where two images share one.
old_docker_layout() {
  mkdir -p old/aaaa old/bbbb old/cccc
  local layers=()
  mapfile -t layers < <(tar xOf "$BATS_FILE_TMPDIR/both.tar" manifest.json | jq -r '.[1].Layers[]')
  tar xf "$BATS_FILE_TMPDIR/both.tar"
  cp "${layers[0]}" old/aaaa/layer.tar
  cp "${layers[1]}" old/bbbb/layer.tar
  ln -s ../dddd/layer.tar old/cccc/layer.tar
  mkdir old/dddd && cat "${layers[2]}" | gzip >old/dddd/layer.tar
  echo 1.0 | tee old/{aaaa,bbbb,cccc}/VERSION >/dev/null
  cp "$(tar xOf "$BATS_FILE_TMPDIR/both.tar" manifest.json | jq -r '.[1].Config')" old/config.json
  echo '[{"Config":"config.json","RepoTags":["old:1"],"Layers":["aaaa/layer.tar","bbbb/layer.tar","cccc/layer.tar"]}]' >old/manifest.json
}

@test "docker's old layout, in any order" {
  old_docker_layout
  tar cf last.tar -C old aaaa bbbb cccc config.json dddd manifest.json
  loads_and_runs last.tar old:1
  tar cf first.tar -C old manifest.json config.json dddd cccc bbbb aaaa
  loads_and_runs first.tar old:1
}

@test "save --squash: one layer, the same files" {
  printf 'FROM two\nRUN rm /two; echo kept >/kept; ln /kept /linked; dd if=/dev/zero of=/gone bs=1M count=4\nRUN rm /gone\nENV A=b\n' |
    strata build -q -t many -f - "$BATS_FILE_TMPDIR/derived" >/dev/null
  strata save --squash -o squashed.tar many
  strata save --squash many | cmp - squashed.tar
  strata run --name whole many true && strata export -o whole.tar whole && strata rm whole >/dev/null
  remove_images
  strata builder prune -af >/dev/null
  strata load -qi squashed.tar
  [ "$(strata inspect many | jq '.[0].RootFS.Layers | length')" -eq 1 ]
  [ "$(strata inspect many | jq -r '.[0].Config.Env[]' | grep -c A=b)" -eq 1 ]
  strata run --name whole many true && strata export whole | tar tv >one && strata rm whole >/dev/null
  # The mount points' times are those of the two runs.
  diff <(tar tvf whole.tar | grep -vE ' (\./|(etc|dev|proc|sys)/.*)$') <(grep -vE ' (\./|(etc|dev|proc|sys)/.*)$' one)
  [ "$(strata run --rm many cat /linked)" = kept ]
  [ "$(stat -c %s squashed.tar)" -lt 5000000 ]
  copy docker-archive:squashed.tar dir:copied
}

@test "push --squash: one layer in the registry, nothing new here" {
  local layers
  strata tag two "$REGISTRY/team/squashed"
  layers=$(ls "$STRATA_ROOT/layers")
  strata push -q --squash "$REGISTRY/team/squashed"
  [ "$(ls "$STRATA_ROOT/layers")" = "$layers" ]
  [ "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/team/squashed" | jq '.layers | length')" -eq 1 ]
  remove_images
  strata pull -q "$REGISTRY/team/squashed"
  [ "$(strata run --rm "$REGISTRY/team/squashed" cat /two)" = two ]
}

# refused FILE REGEX: as a file and as a stream; nothing stays.
refused() {
  local how
  for how in "strata load -i $1" "strata load <$1"; do
    run bash -c "$how"
    [ "$status" -eq 1 ] || { echo "$how: $output"; return 1; }
    assert_match "$output" "$2"
    assert_no_images
  done
}

@test "hostile archives leave nothing" {
  remove_images
  mkdir good && tar xf "$BATS_FILE_TMPDIR/both.tar" -C good
  local layer manifest
  layer=$(jq -r '.[0].Layers[0]' good/manifest.json)
  manifest=blobs/sha256/$(jq -r '.manifests[0].digest | ltrimstr("sha256:")' good/index.json)

  head -c 100000 "$BATS_FILE_TMPDIR/both.tar" >short.tar
  refused short.tar 'ends|end of|truncated|shorter'
  tar cf without.tar -C good --exclude "$layer" .
  refused without.tar "the archive has no $layer"
  tar cf twice.tar -C good . && tar rf twice.tar -C good ./manifest.json
  refused twice.tar 'holds "manifest.json" twice'
  tar cf up.tar -C good --transform 's,^./oci-layout,../oci-layout,' -P .
  refused up.tar 'leads out of the archive'
  tar cf nothing.tar -T /dev/null
  refused nothing.tar 'neither manifest.json nor an OCI layout'
  echo 'this is text' >text
  refused text 'not a tar archive|ends'

  printf x | dd of="good/$layer" bs=1 seek=1000 conv=notrunc status=none
  tar cf flipped.tar -C good .
  refused flipped.tar 'other bytes under this digest'
  cp "good/$manifest" manifest && printf ' ' >>"good/$manifest"
  tar cf other.tar -C good .
  refused other.tar 'other bytes under this digest'
  cp manifest "good/$manifest"

  mkdir loop && cp good/manifest.json loop/
  ln -s b loop/a && ln -s a loop/b
  echo '[{"Config":"a","RepoTags":null,"Layers":["b"]}]' >loop/manifest.json
  tar cf loop.tar -C loop .
  refused loop.tar 'too many links|the archive has no'
  ln -sf ../../../../etc/passwd loop/a
  tar cf outside.tar -C loop .
  refused outside.tar 'leads out of the archive'
  head -c 5000000 /dev/zero | tr '\0' ' ' >loop/manifest.json && rm loop/a
  tar cf huge.tar -C loop manifest.json
  refused huge.tar 'the limit is 4194304'
}

@test "a layer that inflates beyond the limit" {
  strata save -o two.tar two
  remove_images
  gzip two.tar
  printf '[limits]\nmax_layer_size = "64k"\n' >small.toml
  run strata --config small.toml load -i two.tar.gz
  [ "$status" -eq 1 ]
  assert_match "$output" 'limit|beyond'
  assert_no_images
}

@test "terminals" {
  run script -qec "strata save two" /dev/null
  assert_match "$output" 'cowardly refusing to save to a terminal. Use the -o flag or redirect'
  run script -qec "strata load" /dev/null
  assert_match "$output" 'requested load from stdin, but stdin is empty'
  strata save -o two.tar two
  remove_images
  run script -qec "strata load -i two.tar" /dev/null
  assert_match "$output" 'Loading layer.*\[=+\]'
  assert_match "$output" 'Loaded image: two:latest'
}

@test "export: what the container sees, without what is mounted in it" {
  strata run -d --name source -v "$BATS_TEST_TMPDIR:/mnt" busybox sh -c \
    'echo hello >/tmp/a; ln /tmp/a /tmp/b; truncate -s 64M /tmp/holes; rm /bin/ls; mkdir /new; chmod 1770 /new; touch /tmp/done; sleep 1000' >/dev/null
  until_true 60 strata exec source test -e /tmp/done
  strata export -o running.tar source
  tar tvf running.tar >list
  assert_match "$(cat list)" 'tmp/b link to tmp/a'
  assert_match "$(cat list)" '^drwxrwx--T .* new/'
  refute_match "$(cat list)" ' bin/ls |\.wh\.| (proc|sys|dev|mnt)/.'
  assert_match "$(cat list)" ' proc/$'
  [ "$(stat -c %s running.tar)" -lt 8000000 ]
  [ "$(tar xOf running.tar tmp/a)" = hello ]
  strata stop -t 0 source >/dev/null
  strata export source | cmp - running.tar
  strata rm source >/dev/null
}

@test "import: a tar becomes an image, with changes" {
  local id
  strata run --name source busybox sh -c 'echo there >/tmp/file'
  strata export -o rootfs.tar source
  strata rm source >/dev/null
  id=$(strata import -m 'from afar' -c 'CMD ["cat", "/tmp/file"]' --change 'ENV A=1 B=two' -c 'LABEL x=y' rootfs.tar Imported:1 2>&1) && return 1
  id=$(strata import -m 'from afar' -c 'CMD ["cat", "/tmp/file"]' --change 'ENV A=1 B=two' -c 'LABEL x=y' rootfs.tar imported:1)
  [ "$id" = "$(id_of imported:1)" ]
  [ "$(strata run --rm imported:1)" = there ]
  [ "$(strata inspect imported:1 | jq -c '.[0] | [.Comment, .Config.Env, .Config.Labels.x, (.RootFS.Layers | length)]')" = '["from afar",["A=1","B=two"],"y",1]' ]
  # As a stream, compressed, without a name.
  id=$(zstd -qc rootfs.tar | strata import -)
  assert_match "$(strata images --no-trunc)" "<none> +<none> +$id"
  [ "$(strata inspect "$id" | jq -r '.[0].Comment')" = 'Imported from -' ]
  [ "$(strata run --rm "$id" cat /tmp/file)" = there ]
  strata import rootfs.tar there:again >/dev/null
  run strata import -c 'RUN true' rootfs.tar x
  [ "$status" -eq 1 ]
  run bash -c 'echo no tar | strata import - x'
  [ "$status" -eq 1 ]
  refute_match "$(strata images)" '^x '
}

@test "import from a URL" {
  local port
  strata create --name source two true >/dev/null
  mkdir www && strata export source | gzip >www/rootfs.tgz
  strata rm source >/dev/null
  port=$(free_port)
  busybox httpd -f -p "127.0.0.1:$port" -h www 3>&- &
  httpd_pid=$!
  until_true 60 curl -sf -o /dev/null "http://127.0.0.1:$port/rootfs.tgz"
  strata import "http://127.0.0.1:$port/rootfs.tgz" url:1 >/dev/null
  [ "$(strata run --rm url:1 cat /two)" = two ]
  run strata import "http://127.0.0.1:$port/missing.tgz" url:2
  [ "$status" -eq 1 ]
  assert_match "$output" "http://127.0.0.1:$port/missing.tgz: .*404"
  printf '[limits]\nmax_layer_size = "64k"\n' >small.toml
  run strata --config small.toml import "http://127.0.0.1:$port/rootfs.tgz" url:2
  [ "$status" -eq 1 ]
  refute_match "$(strata images)" 'url +2'
}
