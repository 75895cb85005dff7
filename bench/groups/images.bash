# `images` with 500 images, loaded from one archive into stores of their own. They share a layer, over which podman 4.3
# compares each image with each: a listing takes it most of a minute.
measure_images() {
  local many=$work/many i id layer sep=
  mkdir -p "$many/archive"
  mkdir "$many/files" && echo one >"$many/files/one"
  tar -C "$many/files" --owner=0 --group=0 --mtime=@0 -cf "$many/archive/layer.tar" one
  layer=$(sha256sum <"$many/archive/layer.tar" | cut -d' ' -f1)
  {
    printf '['
    for i in $(seq 500); do
      printf '{"architecture":"amd64","os":"linux","created":"2024-01-01T00:00:00Z","config":{"Labels":{"number":"%d"}},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$i" "$layer" >"$many/archive/$i.json"
      printf '%s{"Config":"%d.json","RepoTags":["localhost/image%d:latest"],"Layers":["layer.tar"]}' "$sep" "$i" "$i"
      sep=,
    done
    printf ']'
  } >"$many/archive/manifest.json"
  tar -C "$many/archive" -cf "$many/archive.tar" .
  local ours="strata --root $many/root --run-root $many/run"
  local theirs="podman --root $many/podman --runroot $many/podman-run --runtime runc --cgroup-manager cgroupfs --events-backend none"
  $ours load -q -i "$many/archive.tar" >/dev/null
  # podman syncs several times an image, which is minutes on a disk: it loads in memory, and the store is put in its place.
  mkdir "$many/podman"
  mount -t tmpfs podman "$many/podman"
  $theirs load -q -i "$many/archive.tar" >/dev/null
  cp -a "$many/podman" "$many/podman.disk"
  unmount_below "$many/podman"
  rmdir "$many/podman"
  mv "$many/podman.disk" "$many/podman"
  [ "$($ours images -q | wc -l)" = 500 ] && $theirs image exists localhost/image500 || { echo "not 500 images" >&2; return 1; }
  settle
  heading "images, of 500"
  printf 'strata\t%s images\npodman\t%s images\n' "$ours" "$theirs" | bench-measure "${IMAGES_ROUNDS:-3}"
  $ours system prune -af >/dev/null
  $theirs system reset -f >/dev/null 2>&1 || true
  settle
  rm -rf "$many"
}
