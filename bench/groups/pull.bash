# Pull, first run and removal of fat, as gzip and as zstd. The floor only inflates, hashes and writes the tars, from files.
measure_pull() {
  need_fat
  local form round wall cpu peak blobs
  for form in gzip zstd; do
    # Where the registry keeps the blobs.
    mapfile -t blobs < <(skopeo inspect --raw --tls-verify=false "docker://$fat:$form" | jq -r '.layers[].digest' |
      sed -E "s|sha256:(..)(.*)|$PWD/build/fixtures/bench/registry/docker/registry/v2/blobs/sha256/\1/\1\2/data|")
    for round in $(seq "$((${PULL_ROUNDS:-3} + 1))"); do
      mkdir "$work/floor"
      timed "$form: floor" bench-inflate-hash-write "$work/floor" "${blobs[@]}"
      rm -r "$work/floor"
      strata rmi -f "$fat:$form" >/dev/null 2>&1 || true
      strata system prune -af >/dev/null
      settle
      measure_one_pull "$form" strata strata pull -q "$fat:$form"
      timed "first: strata, first" strata run --rm --network none "$fat:$form" /true
      for _ in 1 2 3; do timed "first: strata, later" strata run --rm --network none "$fat:$form" /true; done
      settle
      timed "rmi: strata" strata rmi "$fat:$form"
      settle
      $podman rmi -f "$fat:$form" >/dev/null 2>&1 || true
      sync
      measure_one_pull "$form" podman $podman pull -q --tls-verify=false "$fat:$form"
      timed "first: podman, first" $podman $podman_run --network none "$fat:$form" /true
      timed "first: podman, later" $podman $podman_run --network none "$fat:$form" /true
      sync
      timed "rmi: podman" $podman rmi "$fat:$form"
      sync
    done
    heading "pull of fat ($(megabytes "$tar_bytes") MB of tar, $entries entries, 8 layers) as $form ($([ $form = gzip ] && megabytes "$gzip_bytes" || megabytes "$zstd_bytes") MB) from a loopback registry"
    rows "$form: floor" "$form: strata" "$form: podman"
    printf '\npodman takes %s times as long as strata.\n' "$(ratio "$form: podman" "$form: strata")"
    printf '\n| that pull, all processes | CPU seconds | peak memory MB (PSS) |\n|---|---:|---:|\n'
    for wall in strata podman; do
      printf '| %s | %s | %s |\n' $wall "$(median "$form cpu: $wall")" "$(median "$form peak: $wall")"
    done
  done
  heading "rmi of fat"
  rows "rmi: strata" "rmi: podman"
  heading "run --rm --network none of a program of fat, just after its pull and later"
  rows "first: strata, later" "first: strata, first" "first: podman, later" "first: podman, first"
}

# measure_one_pull FORM NAME COMMAND…: the time, or in the last round, which looking at the memory makes slower, the
# rest.
measure_one_pull() {
  local form=$1 name=$2 wall cpu peak
  shift 2
  [ "$round" -gt "${PULL_ROUNDS:-3}" ] || { timed "$form: $name" "$@"; return; }
  rm -f "$work/usage"
  bench-usage "$work/usage" "$@" >"$work/out" 2>"$work/err" </dev/null || { cat "$work/err" >&2; return 1; }
  read -r wall cpu peak <"$work/usage"
  sample "$form cpu: $name" "$(awk -v ms="$cpu" 'BEGIN { printf "%.1f", ms / 1000 }')"
  sample "$form peak: $name" "$peak"
}
