# A layer that tries everything, loaded as an image: the same tree or the same words in both forms, and nothing outside.
load common

setup_file() {
  [ "$(id -u)" = 0 ] || skip "needs root"
  use_own_store
  cd "$BATS_FILE_TMPDIR"
  mkdir -p base/bin base/victim base/opaque base/dir base/gone
  cp "$(command -v busybox)" base/bin/busybox
  ln -s busybox base/bin/sh
  echo secret >base/victim/secret
  touch base/opaque/old base/hidden base/dir/lower base/file base/gone/old
  tar -C base -cf base.tar .

  entry ../escape 0 1
  entry a/../../../escape2 0 22
  entry out 2 '' /../../../../tmp
  entry out/strata-hostile 0 4444
  entry etc/passwd 0 image
  entry shadow 1 '' ../../../../etc/passwd
  entry dir 0 'a file now'
  entry file 5
  entry file/inside 0 6
  entry opaque/.wh..wh..opq 0
  entry opaque/new 0 7
  entry .wh.gone 0
  entry gone 5
  entry gone/new 0 8
  entry hidden 3
  pax 'SCHILY.xattr.trusted.overlay.redirect=/victim'
  entry redirected 5
  cp layer tree.tar
  pax "GNU.sparse.major=1" "GNU.sparse.minor=0" "GNU.sparse.name=exabyte" "GNU.sparse.realsize=1152921504606846976"
  SIZE=512 entry GNUSparseFile.0/exabyte 0 $'0\n'
  cp layer exabyte.tar
  cp tree.tar layer
  pax "comment=$(head -c 10485760 /dev/zero | tr '\0' x)"
  entry commented 0
  cp layer long.tar
}
teardown_file() { remove_own_store; }

# entry NAME TYPE [DATA [LINK]]: a ustar entry at the end of the file "layer". SIZE: the data with its padding.
entry() {
  local size
  printf %s "${3:-}" >data
  size=${SIZE:-$(stat -c %s data)}
  truncate -s 0 head && truncate -s 512 head
  put() { printf "$2" "${@:3}" | dd of=head bs=1 seek="$1" conv=notrunc status=none; }
  put 0 %s "$1"
  put 100 '0000755\0000000000\0000000000\000%011o\00000000001750' "$size"
  put 148 '        %s%s' "$2" "${4:-}"
  put 257 'ustar\00000'
  put 329 '0000000\0000000000'
  put 148 '%06o\0 ' "$(od -An -v -tu1 head | awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n }')"
  truncate -s %512 data
  cat head data >>layer
}
# pax RECORD…: an extended header.
pax() {
  local record length text=
  for record; do
    length=$((${#record} + 2))
    until [ $((${#record} + 2 + ${#length})) = $length ]; do length=$((${#record} + 2 + ${#length})); done
    text+="$length $record"$'\n'
  done
  entry pax x "$text"
}
# archive LAYER: a docker-archive of the base and that.
archive() {
  rm -rf archive && mkdir archive
  cp base.tar archive/base.tar
  cat "$1" <(head -c 1024 /dev/zero) >archive/layer.tar
  (
    cd archive
    jq -n --arg a "sha256:$(sha256sum <base.tar | cut -d' ' -f1)" --arg b "sha256:$(sha256sum <layer.tar | cut -d' ' -f1)" \
      '{architecture: "amd64", os: "linux", config: {}, rootfs: {type: "layers", diff_ids: [$a, $b]}}' >config.json
    echo '[{"Config": "config.json", "RepoTags": ["hostile:latest"], "Layers": ["base.tar", "layer.tar"]}]' >manifest.json
    tar cf ../hostile.tar manifest.json config.json base.tar layer.tar
  )
}
in_form() {
  local form=$1
  shift
  if [ "$form" = directory ]; then
    STRATA_FORCE_DIRECTORY_FORM=1 STRATA_ROOT=$BATS_FILE_TMPDIR/root-directory STRATA_RUN_ROOT=$BATS_FILE_TMPDIR/run-directory "$@"
  else "$@"; fi
}

@test "the same tree in both forms, and nothing outside of it" {
  cd "$BATS_FILE_TMPDIR"
  archive tree.tar
  local form
  for form in index directory; do
    in_form $form strata load -q -i hostile.tar
    in_form $form strata run --rm --network none hostile /bin/busybox sh -c \
      'cd / && busybox find . \( -path ./proc -o -path ./sys -o -path ./dev -o -name hostname -o -name hosts -o -name resolv.conf \) -prune -o -print |
         busybox sort | while read -r f; do busybox stat -c "%n %F %a %u %h" "$f"; [ ! -f "$f" ] || busybox md5sum <"$f"; done' >tree.$form
  done
  diff tree.index tree.directory
  for name in ./escape ./escape2 ./tmp/strata-hostile ./etc/passwd ./shadow ./file/inside ./opaque/new ./gone/new ./redirected; do
    grep -q "^$name " tree.index || { echo "no $name"; cat tree.index; false; }
  done
  for name in ./opaque/old ./gone/old ./hidden ./dir/lower ./redirected/secret; do ! grep -q "^$name " tree.index; done
  [ ! -e /tmp/strata-hostile ]
  [ ! -e "$BATS_FILE_TMPDIR/escape" ] && [ ! -e "$STRATA_ROOT/escape" ]
  in_form directory strata rmi -f hostile
  in_form directory strata system prune -af
}

@test "what exceeds a limit is refused in the same words, and nothing of it stays" {
  cd "$BATS_FILE_TMPDIR"
  strata rmi -f hostile
  local kind form
  for kind in exabyte long; do
    archive $kind.tar
    for form in index directory; do
      run in_form $form strata load -q -i hostile.tar
      [ "$status" -eq 1 ]
      [[ $output == *limit* ]] || { echo "$output"; false; }
      echo "$output" >said.$form
      [ -z "$(in_form $form strata images -aq)" ]
    done
    diff said.index said.directory
  done
}
