# What the store takes, what a prune frees, and that nobody waits for it.
load common

setup_file() {
  use_own_store
  start_registry
  build_busybox
}
teardown_file() { remove_own_store; }

df_bytes() { strata system df --format '{{.Bytes}}' | awk "{sum += \$1} END {printf \"%.0f\", sum}"; }
du_bytes() { du -s --block-size=1 "$STRATA_ROOT" | cut -f1; }
# The background process may be at work between the two: they agree as soon as it is not.
df_is_du() { [ "$(df_bytes)" = "$(du_bytes)" ]; }
# Of what a system prune is about: not of leftovers, nor of volumes.
sum_of() { strata system df --format "{{if and (ne .Type \"Other\") (ne .Type \"Local Volumes\")}}{{.$1}}{{end}}" | awk "{sum += \$1} END {printf \"%.0f\", sum}"; }

@test "df is du, to the block: images, containers, volumes, caches, leftovers" {
  until_true 60 df_is_du
  strata run -d --name writer -v data:/data busybox sh -c 'dd if=/dev/zero of=/big bs=64k count=40; ln /big /link; echo x >/data/x; echo log; sleep 1000'
  until_true 60 strata exec writer test -e /data/x
  until_true 60 df_is_du
  printf 'FROM busybox\nRUN dd if=/dev/urandom of=/r bs=1k count=700\nRUN echo small >/small\n' | strata build -q -t made -
  strata tag made "$REGISTRY/made"
  strata push -q "$REGISTRY/made"
  until_true 60 df_is_du
  strata rmi made "$REGISTRY/made"
  until_true 60 df_is_du
  mkdir -p "$STRATA_ROOT/partial" "$STRATA_ROOT/trash/tree/deep"
  head -c 100000 /dev/zero >"$STRATA_ROOT/partial/$(printf '%064d' 1)"
  head -c 100000 /dev/zero >"$STRATA_ROOT/trash/tree/deep/file"
  head -c 100000 /dev/zero >"$STRATA_ROOT/layers/stray"
  until_true 60 df_is_du
  strata rm -fv writer
  until_true 60 df_is_du
  assert_match "$(strata system df -v)" "Total: .* \($(du_bytes) bytes\)" || until_true 60 df_is_du
}

@test "df -v: shared and unique sizes" {
  printf 'FROM busybox\nRUN dd if=/dev/urandom of=/r bs=1k count=700\n' | strata build -q -t one -
  printf 'FROM busybox\nRUN dd if=/dev/urandom of=/r bs=1k count=300\n' | strata build -q -t two -
  run strata system df -v --format json
  [ "$status" -eq 0 ]
  # The layer's tar and its index; a directory takes as much again.
  jq -e '.Images[] | select(.Repository == "one") | .UniqueSize | test("^(72[0-9]([.][0-9]+)?kB|1[.]4[0-9]*MB)$")' <<<"$output"
  jq -e '[.Images[] | .SharedSize] | unique | length == 1' <<<"$output"
}

@test "reclaimable is what a prune frees" {
  printf 'FROM busybox\nRUN dd if=/dev/urandom of=/r bs=1k count=500\n' | strata build -q -t three -
  strata run -d --name holds one sleep 1000
  local before after freed wanted
  wanted=$(sum_of ReclaimableBytes)
  before=$(sum_of Bytes)
  freed=$(strata system prune -af | sed -n 's/^Total reclaimed space: //p')
  after=$(sum_of Bytes)
  [ "$((before - after))" -eq "$wanted" ]
  [ "$(sum_of ReclaimableBytes)" -eq 0 ]
  [ -n "$freed" ]
  strata rm -f holds
}

@test "df -v says what a system prune frees, with what only stopped containers need" {
  build_busybox
  printf 'FROM busybox\nRUN dd if=/dev/urandom of=/r bs=1k count=400\n' | strata build -q -t four -
  printf 'FROM busybox\nRUN dd if=/dev/urandom of=/r bs=1k count=200\n' | strata build -q -t five -
  strata run --name stopped four dd if=/dev/zero of=/z bs=1k count=300
  strata run -d --name holds five sleep 1000
  mkdir -p "$STRATA_ROOT/partial"
  head -c 100000 /dev/zero >"$STRATA_ROOT/layers/stray"
  head -c 100000 /dev/zero >"$STRATA_ROOT/partial/$(printf '%064d' 1)"
  files() { du -s --block-size=1 "$STRATA_ROOT"/{layers,containers,partial} | awk '{ sum += $1 } END { print sum }'; }
  local before wanted said
  before=$(files)
  wanted=$(strata system df -v --format '{{.PruneAllBytes}}')
  said=$(strata system df -v | sed -n 's/^A system prune --all frees \(.*\) (.*/\1/p')
  run strata system prune -af
  [ "$status" -eq 0 ]
  assert_match "$output" "^Total reclaimed space: $said$"
  [ $((before - $(files))) -eq "$wanted" ]
  [ "$(strata system df -v --format '{{.PruneAllBytes}}')" -eq 0 ]
  strata rm -f holds
}

@test "what is deleted goes aside at once and is gone a little later" {
  build_busybox
  head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/big"
  printf 'FROM busybox\nCOPY big /\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  strata build -q -t big "$BATS_TEST_TMPDIR"
  strata builder prune -af
  strata rmi big
  [ "$(find "$STRATA_ROOT/layers" -size +10M | wc -l)" -eq 0 ]
  until_true 60 trash_is_empty
  until_true 60 df_is_du
}

@test "what a killed command left in the trash the next one deletes" {
  mkdir -p "$STRATA_ROOT/trash/left/over"
  strata ps >/dev/null
  until_true 60 trash_is_empty
}
