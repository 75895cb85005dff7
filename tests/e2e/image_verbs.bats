# --format, --filter and the image verbs: images, history, inspect, rmi, image prune, manifest, search, image
# tree, explain and diff. Words are docker 28's, which were taken down from its own client.

load common

setup_file() {
  use_own_store
  build_busybox
  start_registry
  local context=$BATS_FILE_TMPDIR/context
  mkdir -p "$context"
  printf 'FROM busybox\nLABEL tier=web\nRUN mkdir -p /var/cache/apt && head -c 200000 /dev/urandom >/var/cache/apt/pkgcache.bin && cp /var/cache/apt/pkgcache.bin /copy\nRUN rm /var/cache/apt/pkgcache.bin\nRUN printf x >"$(printf "/odd\\033[31mname")"\nENV STAGE=two\nUSER 1000\n' >"$context/Dockerfile"
  strata build -q -t example.org:5000/team/app:v1 "$context" >/dev/null
}
teardown_file() { remove_own_store; }

@test "images --format: rows, tables, json" {
  run strata images --format '{{.Repository}}:{{.Tag}}'
  [ "$output" = $'example.org:5000/team/app:v1\nbusybox:latest' ]
  run strata images --format 'table {{.Repository}}\t{{.Tag}}\t{{.Containers}}'
  [ "${lines[0]}" = "REPOSITORY                  TAG       CONTAINERS" ]
  [ "${lines[1]}" = "example.org:5000/team/app   v1        0" ]
  strata images --format json | jq -se 'length == 2 and .[1].Repository == "busybox" and .[1].Digest == "<none>"
    and (.[1] | keys) == ["Containers","CreatedAt","CreatedSince","Digest","ID","Repository","SharedSize","Size","Tag","UniqueSize","VirtualSize"]'
  run strata images --format '{{.Nope}}'
  [ "$status" -eq 1 ]
  assert_match "$output" '^strata: template parsing error: template: :1:2: executing "" at <\.Nope>: can.t evaluate field Nope in type image$'
  run strata images --format '{{.ID'
  [ "$status" -eq 1 ]
  [ "$output" = 'strata: template parsing error: template: :1: unclosed action' ]
}

@test "images: filters" {
  run strata images -q --filter label=tier=web
  [ "${#lines[@]}" -eq 1 ]
  run strata images --format '{{.Repository}}' --filter 'reference=*/team/*:v?'
  [ "$output" = example.org:5000/team/app ]
  run strata images --format '{{.Repository}}' --filter before=example.org:5000/team/app:v1
  [ "$output" = busybox ]
  run strata images --format '{{.Repository}}' --filter since=busybox
  [ "$output" = example.org:5000/team/app ]
  run strata images -q --filter until=1h
  [ -z "$output" ]
  run strata images -q --filter dangling=true
  [ -z "$output" ]
  run strata images --filter foo=bar
  [ "$status" -eq 1 ]
  [ "$output" = "strata: invalid filter 'foo'" ]
  run ! strata images 'busybox['
  [[ $output == *"syntax error in pattern"* ]]
  [ "$(strata images -q 'busy[a-c]ox')" = "$(strata images -q busybox)" ]
}

@test "history, inspect, version, info and system df by templates" {
  run strata history --format '{{.CreatedBy}}' --no-trunc busybox
  assert_match "${lines[0]}" '^CMD \["sh"\]$|CMD'
  strata history --format json busybox | jq -se '.[0].CreatedAt | test("^20..-..-..T..:..:..Z$")'
  run strata inspect -f '{{.Config.Labels.tier}} {{json .Config.Cmd}} {{len .RootFS.Layers}} {{index .RepoTags 0 | upper}}{{range .Config.Env}} {{.}}{{end}}' example.org:5000/team/app:v1
  assert_match "$output" '^web \["sh"\] 5 EXAMPLE.ORG:5000/TEAM/APP:V1 .*STAGE=two$'
  run strata image inspect -f '{{.Config.Labels.nope}} {{if .Config.Env}}env{{else}}none{{end}} {{.Config.User}}' example.org:5000/team/app:v1
  [ "$output" = "<no value> env 1000" ]
  run strata inspect -f '{{.Nope}}' busybox
  [ "$status" -eq 1 ]
  [ "$output" = 'strata: template parsing error: template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"' ]
  run strata inspect -f '{{.Id' busybox
  [ "$status" -eq 64 ]
  strata inspect -f json busybox example.org:5000/team/app:v1 | jq -e 'length == 2'
  run strata inspect --type nonsense busybox
  [ "$status" -eq 1 ]
  assert_match "$output" 'unknown type: "nonsense": must be one of'
  [ "$(strata version -f '{{.Server.Os}}')" = linux ]
  run strata version -f '{{.Client'
  [ "$status" -eq 64 ]
  [ "$output" = 'strata: template parsing error: template: version:1: unclosed action' ]
  [ "$(strata info -f '{{.Images}} {{.OSType}} {{.Driver}}')" = "2 linux overlay" ]
  [ "$(strata system df --format '{{.Type}}={{.TotalCount}}' | head -1)" = Images=2 ]
}

@test "ps --format, and inspect -s" {
  strata create --name framed --label color=blue busybox sh >/dev/null
  [ "$(strata ps -a --format '{{.Names}} {{.Image}} {{.State}} {{.Label "color"}} {{.Networks}}')" = "framed busybox created blue bridge" ]
  run strata ps -a --format 'table {{.Names}}\t{{.Label "color"}}'
  [ "${lines[0]}" = "NAMES     color" ]
  strata ps -a --format json | jq -e '.Names == "framed" and .Labels == "color=blue"'
  run strata inspect -s -f '{{.SizeRw}} {{ge .SizeRootFs 1000000}}' framed
  assert_match "$output" '^[0-9]+ true$'
  [ "$(strata images --format '{{.Containers}}' busybox)" = 1 ]
  strata rm framed >/dev/null
}

@test "tag and rmi: prefixes, several names, an image in use" {
  local id
  id=$(strata images -q --no-trunc busybox)
  strata tag busybox other:1
  strata tag "${id:7:8}" other:2
  run strata rmi "${id:7:12}"
  [ "$status" -eq 1 ]
  [ "$output" = "strata: conflict: unable to delete ${id:7:12} (must be forced) - image is referenced in multiple repositories" ]
  run strata rmi other:1 other:2 nosuch
  [ "$status" -eq 1 ]
  assert_match "$output" '^Untagged: other:1$'
  assert_match "$output" '^Untagged: other:2$'
  assert_match "$output" 'No such image: nosuch:latest$'
  run strata tag busybox 'Bad Name'
  [ "$status" -eq 1 ]
}

@test "image prune takes what is dangling, and with -a what its filters allow" {
  local context=$BATS_FILE_TMPDIR/dangling
  mkdir -p "$context"
  printf 'FROM busybox\nLABEL keep=%s\n' no >"$context/Dockerfile"
  strata build -q "$context" >/dev/null
  [ "$(strata images -q -f dangling=true | wc -l)" -eq 1 ]
  run strata image prune -f --filter label!=keep
  [ "$output" = "Total reclaimed space: 0B" ]
  run strata image prune -f --filter until=24h
  [ "$output" = "Total reclaimed space: 0B" ]
  run strata image prune -f --filter label=keep=no
  [ "${lines[0]}" = "Deleted Images:" ]
  assert_match "${lines[1]}" '^deleted: sha256:[0-9a-f]{64}$'
  [ -z "$(strata images -q -f dangling=true)" ]
  printf 'FROM busybox\nRUN echo away >/away\n' >"$context/Dockerfile"
  strata build -q -t away "$context" >/dev/null
  run strata image prune -a -f --filter label=nobody-has-it
  [ "$output" = "Total reclaimed space: 0B" ]
  run bash -c 'echo n | strata image prune -a'
  assert_match "$output" 'WARNING! This will remove all images without at least one container associated to them.'
  strata image inspect away >/dev/null
  strata rmi away >/dev/null
  run strata image prune -f --filter nonsense=1
  [ "$status" -eq 1 ]
  run strata system prune -f --filter label=nobody-has-it
  [ "$output" = "Total reclaimed space: 0B" ]
}

@test "a manifest list of two platforms is made, annotated, pushed and pulled" {
  local manifest digest config location
  strata tag busybox "$REGISTRY/multi:amd64"
  strata push -q "$REGISTRY/multi:amd64" >/dev/null
  # The same layers for another processor.
  manifest=$(curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' "$REGISTRY/v2/multi/manifests/amd64")
  config=$BATS_TEST_TMPDIR/config
  curl -s "$REGISTRY/v2/multi/blobs/$(jq -r .config.digest <<<"$manifest")" | sed 's/"amd64"/"arm64"/' >"$config"
  digest=sha256:$(sha256sum "$config" | cut -d' ' -f1)
  location=$(curl -si -X POST "$REGISTRY/v2/multi/blobs/uploads/" | awk 'tolower($1) == "location:" { print $2 }' | tr -d '\r')
  curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$config" "$location&digest=$digest"
  jq -c --arg d "$digest" --argjson s "$(stat -c %s "$config")" '.config.digest = $d | .config.size = $s' <<<"$manifest" |
    curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @- "$REGISTRY/v2/multi/manifests/arm64"

  run strata manifest create "$REGISTRY/multi:all" "$REGISTRY/multi:amd64" "$REGISTRY/multi:arm64"
  [ "$output" = "Created manifest list $REGISTRY/multi:all" ]
  run strata manifest create "$REGISTRY/multi:all" "$REGISTRY/multi:amd64"
  [ "$status" -eq 1 ]
  [ "$output" = "strata: refusing to amend an existing manifest list with no --amend flag" ]
  strata manifest create --amend "$REGISTRY/multi:all" "$REGISTRY/multi:amd64" >/dev/null
  strata manifest annotate --variant v8 --os-features a,b "$REGISTRY/multi:all" "$REGISTRY/multi:arm64"
  run strata manifest annotate --arch nonsense "$REGISTRY/multi:all" "$REGISTRY/multi:arm64"
  [ "$status" -eq 1 ]
  assert_match "$output" 'manifest entry for image has unsupported os/arch combination: linux/nonsense$'
  run strata manifest annotate --arch arm64 "$REGISTRY/multi:all" "$REGISTRY/multi:nosuch"
  [ "$status" -eq 1 ]
  [ "$output" = "strata: manifest for image $REGISTRY/multi:nosuch does not exist in $REGISTRY/multi:all" ]
  strata manifest inspect "$REGISTRY/multi:all" | jq -e '.manifests | length == 2 and .[1].platform ==
    {"architecture": "arm64", "os": "linux", "os.features": ["a", "b"], "variant": "v8"}'
  strata manifest inspect -v "$REGISTRY/multi:all" "$REGISTRY/multi:arm64" | jq -e '.OCIManifest.schemaVersion == 2'
  # Nothing is there yet, and what is no manifest is said so.
  run skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/multi:all"
  [ "$status" -ne 0 ]
  run strata manifest inspect "$REGISTRY/multi:nosuch"
  [ "$output" = "strata: no such manifest: $REGISTRY/multi:nosuch" ]

  run strata manifest push -p "$REGISTRY/multi:all"
  assert_match "$output" '^sha256:[0-9a-f]{64}$'
  skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/multi:all" >"$BATS_TEST_TMPDIR/raw"
  [ "sha256:$(sha256sum "$BATS_TEST_TMPDIR/raw" | cut -d' ' -f1)" = "$output" ]
  jq -e '.mediaType == "application/vnd.oci.image.index.v1+json" and ([.manifests[].platform.architecture] == ["amd64", "arm64"])' "$BATS_TEST_TMPDIR/raw"
  run strata manifest rm "$REGISTRY/multi:all"
  [ "$status" -eq 1 ]
  [ "$output" = "strata: No such manifest: $REGISTRY/multi:all" ]
  strata pull -q --platform linux/arm64 "$REGISTRY/multi:all" >/dev/null
  [ "$(strata inspect -f '{{.Architecture}}' "$REGISTRY/multi:all")" = arm64 ]
  strata pull -q --platform linux/amd64 "$REGISTRY/multi:all" >/dev/null
  [ "$(strata inspect -f '{{.Architecture}}' "$REGISTRY/multi:all")" = amd64 ]

  # Into another repository: the blobs are handed on.
  strata manifest create "$REGISTRY/elsewhere:all" "$REGISTRY/multi:amd64" "$REGISTRY/multi:arm64" >/dev/null
  strata manifest push "$REGISTRY/elsewhere:all" >/dev/null
  skopeo inspect --tls-verify=false --override-arch arm64 --override-variant v8 "docker://$REGISTRY/elsewhere:all" | jq -e '.Architecture == "arm64"'
  strata manifest rm "$REGISTRY/elsewhere:all"
  run strata manifest create example.org:5000/x:all "$REGISTRY/multi:amd64"
  run strata manifest push example.org:5000/x:all
  [ "$status" -eq 1 ]
  assert_match "$output" 'cannot use source images from a different registry than the target image'
  strata manifest rm example.org:5000/x:all
}

# Answers every request with the file, as a registry that can be searched; prints its address.
start_search() {
  local directory=$BATS_FILE_TMPDIR/search
  mkdir -p "$directory/v1"
  cat >"$directory/v1/search" <<'JSON'
{"num_results": 2, "query": "x", "results": [
  {"name": "nginx", "description": "Official build\nof Nginx, which is said at some length here", "star_count": 20000, "is_official": true},
  {"name": "evil\u001b[31m/x", "description": "", "star_count": 3, "is_official": false}]}
JSON
  SEARCH_PORT=$(free_port)
  busybox httpd -f -p "127.0.0.1:$SEARCH_PORT" -h "$directory" 3>&- &
  SEARCH_PID=$!
  until_true 60 bash -c "exec 3<>/dev/tcp/127.0.0.1/$SEARCH_PORT" 2>/dev/null
}

@test "search, and a registry that has none" {
  start_search
  run strata search "127.0.0.1:$SEARCH_PORT/nginx"
  [ "${lines[0]}" = "NAME             DESCRIPTION                                     STARS     OFFICIAL" ]
  assert_match "${lines[1]}" '^nginx            Official build of Nginx, which is said at som…   +20000     \[OK\]$|^nginx +Official build of Nginx, which is said at so… +20000 +\[OK\]$'
  assert_match "${lines[2]}" '^evil\\x1b\[31m/x +3$'
  [ "$(strata search -f stars=10 --format '{{.Name}} {{.StarCount}}' "127.0.0.1:$SEARCH_PORT/x")" = "nginx 20000" ]
  [ "$(strata search -f is-official=false --limit 5 --format '{{.StarCount}}' "127.0.0.1:$SEARCH_PORT/x")" = 3 ]
  kill "$SEARCH_PID"
  run strata search "$REGISTRY/x"
  [ "$status" -eq 1 ]
  [ "$output" = "strata: registry $REGISTRY has no search: it answers 404 to /v1/search" ]
  run strata search --limit 101 x
  [ "$output" = "strata: limit 101 is outside the range of [1, 100]" ]
}

@test "image tree tells what each instruction added and who shares it" {
  run strata image tree example.org:5000/team/app:v1
  assert_match "${lines[0]}" '^example.org:5000/team/app:v1  [0-9a-f]{12}  .* in 5 layers$'
  assert_match "$output" '^├─ [0-9a-f]{12}  .*COPY busybox /bin/busybox'
  assert_match "$output" 'shared with .*busybox:latest'
  assert_match "$output" '1 name removed'
  strata image tree --json busybox | jq -e '.Layers | length == 2 and .[0].Files == 1 and .[1].Links > 100
    and (.[0].SharedWith | index("example.org:5000/team/app:v1") != null)'
}

@test "image explain names what is hidden, stored twice and cached" {
  strata image explain --json example.org:5000/team/app:v1 | jq -e '
    .Total.HiddenBytes == 200000
    and .Hidden[0] == {"Path": "/var/cache/apt/pkgcache.bin", "Bytes": 200000, "Layer": 3, "How": "deleted"}
    and .Duplicates[0].Count == 2 and .Duplicates[0].Wasted == 200000
    and .Caches[0].Of == "apt" and .Caches[0].Layers == [3] and .Limits == []'
  run strata image explain --no-trunc example.org:5000/team/app:v1
  assert_match "$output" '^Deleted or overwritten by layers above, and stored all the same: 200kB in 1 file$'
  assert_match "$output" '^200kB +2 +/copy /var/cache/apt/pkgcache.bin$'
  [[ $output != *$'\033'* ]]
}

@test "image diff tells files and config apart, and escapes names" {
  run strata image diff busybox example.org:5000/team/app:v1
  assert_match "$output" '^A /copy \(200kB\)$'
  assert_match "$output" '^A /odd\\x1b\[31mname \(1B\)$'
  assert_match "$output" '^A Env STAGE: two$'
  assert_match "$output" '^A Label tier: web$'
  assert_match "$output" '^A User: 1000$'
  [[ $output != *$'\033'* ]]
  strata image diff --json example.org:5000/team/app:v1 busybox | jq -e '.Deleted == 5 and (.Files | map(select(.Path == "/copy"))[0]) ==
    {"Kind": "D", "Path": "/copy", "Type": "f", "OldSize": 200000}'
  run strata image diff busybox busybox
  [ "${lines[0]}" = "0 added (0B), 0 changed, 0 deleted (0B)" ]
}

@test "what strangers name reaches no terminal as it is" {
  mkdir "$BATS_TEST_TMPDIR/context"
  printf 'FROM busybox\nLABEL key="\033[31m"\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
  strata build -q -t hostile "$BATS_TEST_TMPDIR/context"
  strata run --name hostile hostile sh -c "touch '/mnt/$(printf '\033[5m\ny')x'"
  [ "$(strata diff hostile | grep x)" = 'A /mnt/\x1b[5m\x0ayx' ]
  # Scripts get the bytes, terminals do not.
  [ "$(strata inspect -f '{{.Config.Labels.key}}' hostile:latest)" = "$(printf '\033[31m')" ]
  run script -qec "strata inspect -f '{{.Config.Labels.key}}' hostile:latest; strata ps -a --format '{{.Labels}}'" /dev/null
  [ "${lines[0]%$'\r'}" = '\x1b[31m' ]
  [ "${lines[1]%$'\r'}" = 'key=\x1b[31m' ]
  strata rm hostile
  strata rmi hostile
}

@test "nothing is left behind" { assert_nothing_left; }
