#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Installs what Debian 12 has of what seisproc needs: `install.sh build` to build it, `install.sh run` to run it.
set -eu
export DEBIAN_FRONTEND=noninteractive
packages=
for what in "$@"; do
  case $what in
  build) packages="$packages gcc libc6-dev make pkg-config python3 libopenmpi-dev openmpi-bin libhdf5-openmpi-dev
    libyaml-dev libfftw3-dev libfftw3-mpi-dev libxxhash-dev libpng-dev libcairo2-dev liblz4-dev libzstd-dev
    libzfp-dev" ;;
  run) packages="$packages openmpi-bin libopenmpi3 libhdf5-openmpi-103-1 libhdf5-openmpi-hl-100 libyaml-0-2
    libfftw3-single3 libfftw3-double3 libfftw3-mpi3 libxxhash0 libpng16-16 libcairo2 liblz4-1 libzstd1 libzfp1" ;;
  *) echo "install.sh: '$what' is neither build nor run" >&2; exit 1 ;;
  esac
done
apt-get update
# shellcheck disable=SC2086
apt-get install -y --no-install-recommends $packages
rm -rf /var/lib/apt/lists/*
