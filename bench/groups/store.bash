# What images take on the disk.
measure_store() {
  pull_fat
  settle
  printf '\nfat on the disk (%s MB of tar, %s entries)\n\n| | MB | times the tars | files and directories |\n|---|---:|---:|---:|\n' "$(megabytes "$tar_bytes")" "$entries"
  local name bytes root
  for name in strata podman; do
    root=$work/$([ $name = strata ] && echo root || echo podman)
    bytes=$(bytes_on_disk "$root")
    printf '| %s | %s | %s | %s |\n' $name "$(megabytes "$bytes")" "$(awk -v a="$bytes" -v b="$tar_bytes" 'BEGIN { printf "%.3f", a / b }')" "$(find "$root" | wc -l)"
  done
  measure_five
}

# Five images that each add 4 MB in 20 files to one base of 60 MB, in stores of their own.
measure_five() {
  local i before after changed=$((5 * 4000000)) five=$work/five name
  mkdir -p "$five/context"
  bench-layer 11 1000 60000000 >"$five/context/base.tar"
  printf 'FROM scratch\nADD base.tar /\n' >"$five/context/Dockerfile"
  for i in 1 2 3 4 5; do
    mkdir -p "$five/$i/added"
    for j in $(seq 20); do head -c 200000 /dev/urandom >"$five/$i/added/$j"; done
    printf 'FROM localhost/base\nCOPY added /added\n' >"$five/$i/Dockerfile"
  done
  printf '\nfive images that each add 4 MB to one base of 60 MB\n\n| | MB for the five | times the changed bytes |\n|---|---:|---:|\n'
  local ours="strata --root $five/root --run-root $five/run"
  local theirs="podman --root $five/podman --runroot $five/podman-run --runtime runc --cgroup-manager cgroupfs --events-backend none"
  for name in strata podman; do
    local command=$ours directory=$five/root options=
    [ $name = strata ] || { command=$theirs; directory=$five/podman; options=--format=oci; }
    $command build -q $options -t localhost/base "$five/context" >/dev/null
    settle
    before=$(bytes_on_disk "$directory")
    for i in 1 2 3 4 5; do $command build -q $options -t "localhost/five$i" "$five/$i" >/dev/null; done
    settle
    after=$(bytes_on_disk "$directory")
    printf '| %s | %s | %s |\n' $name "$(megabytes $((after - before)))" "$(awk -v a=$((after - before)) -v b=$changed 'BEGIN { printf "%.3f", a / b }')"
  done
  $ours system prune -af >/dev/null
  $theirs system reset -f >/dev/null 2>&1 || true
  settle
  rm -rf "$five"
}
