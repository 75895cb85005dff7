# Containers that do nothing.
measure_run() {
  # A static program that does nothing, the same in every store.
  mkdir -p "$work/true" "$work/bundle/rootfs"
  printf 'int main(void) { return 0; }\n' | gcc -O2 -static -x c -o "$work/true/true" -
  printf 'FROM scratch\nCOPY true /true\nCMD ["/true"]\n' >"$work/true/Dockerfile"
  strata build -q -t "$registry/true" "$work/true" >/dev/null
  strata push -q "$registry/true" >/dev/null
  $podman pull -q --tls-verify=false "$registry/true" >/dev/null
  cp "$work/true/true" "$work/bundle/rootfs/"
  (cd "$work/bundle" && runc spec &&
    sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"\/true"/; /RLIMIT_NOFILE/,+2d' config.json &&
    sed -i '/"rlimits": \[/,/\]/d' config.json)
  local network
  for network in none host bridge; do
    heading "run --rm --network $network true"
    {
      printf 'strata\tstrata run --rm --network %s %s/true\n' $network "$registry"
      printf 'podman\t%s %s --network %s %s/true\n' "$podman" "$podman_run" \
        "$([ $network = bridge ] && echo podman || echo $network)" "$registry"
      # Its default configuration has a network namespace with nothing in it.
      [ $network != none ] || printf 'runc, a bundle\trunc --root %s/runc run --bundle %s/bundle bench\n' "$work" "$work"
    } | bench-measure "${ROUNDS:-20}"
  done
}
