#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# tools/deps-prefix.sh DIR
#
# Unpacks the libraries that seisproc needs, with all that they need but the C and C++ run-time, below DIR, for
# machines on which nothing can be installed. Run it on a Debian or Ubuntu system whose C library is not newer than
# theirs (no root is needed), copy DIR there, and then, there:
#
#   make DEPS_PREFIX=DIR            # needs gcc and make only
#   . DIR/env.sh                    # bash; for mpirun and for Open MPI's plug-ins
#
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=$(mkdir -p "${1:?usage: tools/deps-prefix.sh DIR}" && realpath "$1")

left_out='^(gcc|make|pkg-config|libc6-dev|libcairo2-dev)$'
mapfile -t wanted < <(awk -v out="$left_out" '/^build/ && $3 !~ out { print $3 }' tools/packages.txt)
mapfile -t known < <(for name in "${wanted[@]}"; do [ -z "$(apt-cache madison "$name")" ] || echo "$name"; done)
# What apt would install on a system without any package; but for tools, and the C and C++ run-time.
mapfile -t all < <(apt-get -qq -s -o Dir::State::status=/dev/null --no-install-recommends install "${known[@]}" |
  awk '/^Inst/ { print $2 }' | grep -E '^(lib|openmpi|ibverbs|zlib)' |
  grep -vE '^(libc6|libc-|libgcc|libstdc|libperl|libpython)')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download "${all[@]}"
for deb in *.deb; do dpkg-deb -x "$deb" "$prefix"; done
for name in mpirun mpiexec; do # names that installing would have made
  [ -e "$prefix/usr/bin/$name.openmpi" ] && ln -sf "$name.openmpi" "$prefix/usr/bin/$name"
done

# Where Open MPI and PMIx look for their plug-ins and texts, since these are not at the paths they were built for.
multiarch=$(basename "$prefix"/usr/lib/*-linux-gnu)
cat >"$prefix/env.sh" <<END
deps=\$(cd "\$(dirname "\${BASH_SOURCE[0]}")" && pwd)
libs=\$deps/usr/lib/$multiarch
export PATH="\$deps/usr/bin:\$PATH"
libs_path=\$libs:\$libs/openmpi/lib:\$libs/pmix2/lib:\$deps/lib/$multiarch
export LD_LIBRARY_PATH="\$libs_path\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
export OPAL_PREFIX="\$deps/usr" OPAL_SYSCONFDIR="\$deps/etc/openmpi" PMIX_INSTALL_PREFIX="\$libs/pmix2"
command -v ssh >/dev/null || export OMPI_MCA_plm=isolated
export OMPI_MCA_mca_base_component_show_load_errors=0 PMIX_MCA_pcompress_base_silence_warning=1
unset deps libs libs_path
END
echo "unpacked ${#all[@]} packages below $prefix ($(du -sh "$prefix" | cut -f1))"
