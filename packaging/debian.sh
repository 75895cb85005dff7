# What Strata needs of Debian 12, for ./quickstart, ./test and bench/run. Sourced, not run.
#
#   install_packages build        what compiles it
#   install_packages build test   and what its tests need

packages_build='g++ cmake ninja-build ccache libfmt-dev nlohmann-json3-dev libsqlite3-dev libssl-dev
  libcurl4-openssl-dev libisal-dev zlib1g-dev libzstd-dev liblzma-dev libbz2-dev libtomlplusplus-dev'
packages_story='mmdebstrap xz-utils curl ca-certificates'
packages_test="$packages_story libgtest-dev bats busybox-static apache2-utils openssl skopeo strace tmux iproute2
  nftables attr acl jq bzip2 zstd tar libcap2-bin procps sqlite3 util-linux podman runc
  e2fsprogs"
# A virtual machine: tests/vm/run.
packages_vm='qemu-system-x86 kmod e2fsprogs iproute2 xz-utils busybox-static'
packages_bench='podman runc crun conmon libbenchmark-dev e2fsprogs'

# Installs those that are missing, and says so. Services that a package would start are not started: none
# of them is needed running, and the machine is the user's.
install_packages() {
  local group list missing=() package
  for group; do
    list=packages_$group
    for package in ${!list}; do
      [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || { echo "missing packages, and only root can install them: ${missing[*]}" >&2; return 1; }
  echo "installing: ${missing[*]}"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Programs whose packages would start services are unpacked rather than installed:
#   unpack DIRECTORY PROGRAM PACKAGE…   prints the program's path
unpack() {
  local directory=$1 program=$1/$2
  shift 2
  if [ ! -x "$program" ]; then
    mkdir -p "$directory"
    (
      cd "$directory"
      apt-get -qq -o APT::Sandbox::User=root download "$@" >&2 ||
        { apt-get -qq update && apt-get -qq -o APT::Sandbox::User=root download "$@" >&2; }
      for package in *.deb; do dpkg-deb -x "$package" .; done
      rm ./*.deb
    ) || return 1
  fi
  echo "$program"
}
# docker-registry would listen on port 5000, dockerd would set up a bridge.
unpack_registry() { unpack "$1" usr/bin/docker-registry docker-registry; }
unpack_docker() { unpack "$1" usr/sbin/dockerd docker.io containerd; }
