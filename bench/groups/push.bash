# push of fat to a registry that has nothing of it, and of a new layer of 70 MB.
measure_push() {
  pull_fat
  strata tag "$fat:gzip" "$registry/pushed/strata"
  $podman tag "$fat:gzip" "$registry/pushed/podman"
  mkdir -p "$work/layer70"
  bench-layer 70 2000 70000000 >"$work/layer70/layer.tar"
  printf 'FROM scratch\nADD layer.tar /\n' >"$work/layer70/Dockerfile"
  strata build -q -t "$registry/new/strata" "$work/layer70" >/dev/null
  $podman build -q --format=oci -t "$registry/new/podman" "$work/layer70" >/dev/null
  # The registry keeps nothing in memory: what is gone from its directory is gone.
  local empty="rm -rf $work/registry/docker; sync"
  heading "push of fat to an empty registry on loopback"
  {
    printf 'strata (its blobs stream from the registry that they came from)\tstrata push -q %s/pushed/strata\t%s\n' "$registry" "$empty"
    printf 'podman (compresses again)\t%s push -q --tls-verify=false %s/pushed/podman\t%s\n' "$podman" "$registry" "$empty"
  } | bench-measure "${PUSH_ROUNDS:-2}"
  heading "push of a new layer of 70 MB"
  {
    printf 'strata\tstrata push -q %s/new/strata\t%s\n' "$registry" "$empty"
    printf 'podman\t%s push -q --tls-verify=false %s/new/podman\t%s\n' "$podman" "$registry" "$empty"
  } | bench-measure "${PUSH_ROUNDS:-3}"
  strata rmi -f "$registry/new/strata" "$registry/pushed/strata" >/dev/null
  $podman rmi -f "$registry/new/podman" "$registry/pushed/podman" >/dev/null
}
