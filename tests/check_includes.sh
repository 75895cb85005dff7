#!/bin/sh
# Fails when a file of src/ includes something from its own floor's neighbours or above: the folders below
# stand from the lowest floor to the highest, and an include may only point down or stay in its folder.
# Direct system calls belong to sys/ alone.
set -eu
cd "$(dirname "$0")/.."

floors='base:1 codec:2 sys:2 fetch:3 oci:3 runtime:4 store:4 registry:5 layers:5 network:5 images:6 containers:7 build:8 engine:9 cli:10 apps:11'

find src -name '*.h' -o -name '*.cc' | sort | xargs awk -v floors="$floors" '
  BEGIN {
    n = split(floors, pairs, " ")
    for (i = 1; i <= n; i++) { split(pairs[i], p, ":"); floor[p[1]] = p[2] }
  }
  FNR == 1 { split(FILENAME, parts, "/"); here = parts[2] }
  /^#include "/ {
    split($2, quoted, "\""); target = quoted[2]; split(target, t, "/"); there = t[1]
    if (there == "tests" && FILENAME ~ /_test\.(cc|h)$/) next  # servers that stand for registries
    if (!(there in floor)) { print FILENAME ":" FNR ": \"" target "\" is in no floor"; bad = 1; next }
    if (here != there && floor[there] >= floor[here]) {
      print FILENAME ":" FNR ": " here "/ may not include " there "/ (" target ")"; bad = 1
    }
  }
  /^#include <sys\/syscall.h>/ && here != "sys" {
    print FILENAME ":" FNR ": direct system calls belong to sys/"; bad = 1
  }
  END { exit bad }
'
