# What it costs in memory that a container reads 500 MB: the page cache of the machine, and what its cgroup is charged.
measure_memory() {
  pull_fat
  settle
  printf '\na container that has read 500 MB of its image\n\n| | page cache MB | charged to its memory cgroup MB |\n|---|---:|---:|\n'
  local name
  for name in strata podman; do
    sync
    echo 3 >/proc/sys/vm/drop_caches || return 1
    local before after pid id command
    before=$(cached)
    if [ $name = strata ]; then
      id=$(strata run -d --network none -v "$bin/bench-files:/bench-files:ro" "$fat:gzip" /bench-files hold 500000000 "${fat_layers[@]}")
      command=strata
    else
      id=$($podman ${podman_run/--rm/-d} --network none -v "$bin/bench-files:/bench-files:ro" "$fat:gzip" /bench-files hold 500000000 "${fat_layers[@]}")
      command=$podman
    fi
    until $command logs "$id" 2>/dev/null | grep -q .; do sleep 0.2; done
    after=$(cached)
    pid=$($command inspect --format '{{.State.Pid}}' "$id")
    printf '| %s | %s | %s |\n' $name "$(megabytes $((after - before)))" "$(megabytes "$(charged "$pid")")"
    $command rm -f "$id" >/dev/null
  done
}
cached() { awk '$1 == "Cached:" || $1 == "Buffers:" { kb += $2 } END { printf "%d", kb * 1024 }' /proc/meminfo; }
charged() {
  local path
  path=$(awk -F: '$2 == "memory" { print $3 }' "/proc/$1/cgroup")
  if [ -n "$path" ]; then cat "/sys/fs/cgroup/memory$path/memory.usage_in_bytes"
  else cat "/sys/fs/cgroup$(awk -F: '$1 == 0 { print $3 }' "/proc/$1/cgroup")/memory.current"; fi
}
