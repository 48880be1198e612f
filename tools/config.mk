# SPDX-License-Identifier: BSD-3-Clause
# Where the libraries are. Each is found through pkg-config; set DEPS_CFLAGS and DEPS_LIBS to override.
# The first name that pkg-config knows is taken: distributions name parallel HDF5 and MPI differently.

first_pkg = $(firstword $(foreach p,$1,$(shell $(PKG_CONFIG) --exists $(p) 2>/dev/null && echo $(p))))

PKG_MPI := $(call first_pkg,ompi-c ompi mpich)
PKG_HDF5 := $(call first_pkg,hdf5-openmpi hdf5-mpi hdf5)
PKG_YAML := $(call first_pkg,yaml-0.1)
PKG_FFTW := $(call first_pkg,fftw3f)
PKG_FFTW_DOUBLE := $(call first_pkg,fftw3)
PKG_XXHASH := $(call first_pkg,libxxhash)
PKG_PNG := $(call first_pkg,libpng)
PKGS := $(PKG_MPI) $(PKG_HDF5) $(PKG_YAML) $(PKG_FFTW) $(PKG_FFTW_DOUBLE) $(PKG_XXHASH) $(PKG_PNG)

# Its MPI library has no file for pkg-config and lies beside the other. FFTW_MPI=no does without, for other libraries
# with FFTW's interface, which have none (docs/licences.md); cubes are refused then.
FFTW_MPI ?= yes
FFTW_MPI_LIB := $(if $(filter no,$(FFTW_MPI)),,-lfftw3f_mpi)
FFTW_MPI_FLAGS := $(if $(filter no,$(FFTW_MPI)),-DSP_WITHOUT_FFTW_MPI)

# HDF5's dimension scales are in its high-level library, which pkg-config does not name: hdf5_hl, hdf5_openmpi_hl.
hdf5_hl = $(addsuffix _hl,$(or $(firstword $(filter-out %_hl,$(filter -lhdf5%,$1))),-lhdf5))

# Packages that tools/deps-prefix.sh unpacked: no pkg-config there, and libraries that need each other at that place.
ifdef DEPS_PREFIX
DEPS_LIBDIR := $(firstword $(wildcard $(abspath $(DEPS_PREFIX))/usr/lib/*-linux-gnu))
DEPS_SYSLIB := $(abspath $(DEPS_PREFIX))/lib/$(notdir $(DEPS_LIBDIR))
DEPS_INCLUDE := $(abspath $(DEPS_PREFIX))/usr/include
DEPS_CFLAGS := -I$(DEPS_LIBDIR)/openmpi/include -I$(DEPS_INCLUDE)/hdf5/openmpi -I$(DEPS_INCLUDE)
DEPS_LIBS := -L$(DEPS_LIBDIR)/openmpi/lib -L$(DEPS_LIBDIR)/hdf5/openmpi -L$(DEPS_LIBDIR) -L$(DEPS_SYSLIB) \
  -lhdf5_hl -lhdf5 -lmpi -lyaml $(FFTW_MPI_LIB) -lfftw3f -lfftw3 -lxxhash -lpng16 -Wl,--disable-new-dtags
endif

# Whoever sets DEPS_CFLAGS and DEPS_LIBS knows where things are; else `make` names what it does not find.
ifndef DEPS_CFLAGS
DEPS_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(filter-out $(PKG_PNG),$(PKGS)) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
DEPS_LIBS := $(FFTW_MPI_LIB) $(call hdf5_hl,$(PKG_LIBS)) $(PKG_LIBS)
HAVE_FFTW_MPI := $(shell echo '\#include <fftw3-mpi.h>' | $(CC) $(DEPS_CFLAGS) -E -x c - >/dev/null 2>&1 && echo 1)
PKG_MISSING := $(strip $(if $(PKG_MPI),,MPI) $(if $(PKG_HDF5),,HDF5) $(if $(PKG_YAML),,libyaml) \
  $(if $(and $(PKG_FFTW),$(PKG_FFTW_DOUBLE)),,FFTW) $(if $(or $(HAVE_FFTW_MPI),$(FFTW_MPI_FLAGS)),,fftw3-mpi) \
  $(if $(PKG_XXHASH),,xxHash) $(if $(PKG_PNG),,libpng))
endif

# PMIx's headers, where there are any: the library is the one that MPI has loaded. Debian's MPI brings them.
PMIX_CFLAGS := $(if $(DEPS_PREFIX),$(addprefix -I,$(dir $(wildcard $(DEPS_LIBDIR)/pmix2/include/pmix.h))),\
  $(shell $(PKG_CONFIG) --exists pmix 2>/dev/null && $(PKG_CONFIG) --cflags pmix || true))
HAVE_PMIX := $(shell echo '\#include <pmix.h>' | $(CC) $(PMIX_CFLAGS) -E -x c - >/dev/null 2>&1 && echo 1)
PMIX_FLAGS := $(if $(HAVE_PMIX),-DSP_HAVE_PMIX $(PMIX_CFLAGS))

# What draws: libpng always; cairo where it is there, for single PNGs with axes. Only src/qc is compiled with these.
QC_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(or $(PKG_PNG),libpng) 2>/dev/null)
ifndef DEPS_PREFIX
PKG_CAIRO := $(call first_pkg,cairo)
ifneq ($(PKG_CAIRO),)
QC_CFLAGS += -DSP_HAVE_CAIRO $(shell $(PKG_CONFIG) --cflags cairo)
override DEPS_LIBS += $(shell $(PKG_CONFIG) --libs cairo)
endif
endif

# What packs: each codec where its library is there, known to pkg-config (zfp has no file for it) or found by the
# compiler alone. Only src/pack is compiled with these.
PKG_PACK := $(if $(DEPS_PREFIX),,$(call first_pkg,liblz4) $(call first_pkg,libzstd))
PACK_PATHS := $(if $(strip $(PKG_PACK)),$(shell $(PKG_CONFIG) --cflags $(PKG_PACK)))
has_header = $(shell echo '\#include <$1>' | $(CC) $(DEPS_CFLAGS) $(PACK_PATHS) -E -x c - >/dev/null 2>&1 && echo 1)
HAVE_LZ4 := $(call has_header,lz4hc.h)
HAVE_ZSTD := $(call has_header,zstd.h)
HAVE_ZFP := $(call has_header,zfp.h)
PACK_CFLAGS := $(PACK_PATHS) \
  $(if $(HAVE_LZ4),-DSP_HAVE_LZ4) $(if $(HAVE_ZSTD),-DSP_HAVE_ZSTD) $(if $(HAVE_ZFP),-DSP_HAVE_ZFP)
PACK_MISSING := $(strip $(if $(HAVE_LZ4),,liblz4) $(if $(HAVE_ZSTD),,libzstd) $(if $(HAVE_ZFP),,libzfp))
PACK_LIBS := $(if $(strip $(PKG_PACK)),$(shell $(PKG_CONFIG) --libs-only-L $(PKG_PACK))) \
  $(if $(HAVE_LZ4),-llz4) $(if $(HAVE_ZSTD),-lzstd) $(if $(HAVE_ZFP),-lzfp)
override DEPS_LIBS += $(PACK_LIBS)

# Libraries outside the system's folders (modules, Spack, a prefix) are found again at run time.
, := ,
RPATHS := $(patsubst %,-Wl$(,)-rpath$(,)%,$(filter-out /usr/lib% /lib%,$(patsubst -L%,%,$(filter -L%,$(DEPS_LIBS)))))

# Tests compare with libsegyio where it is there: its 1.x releases have no pkg-config file, Debian 13 no package of it.
HASH := \#
HAVE_SEGYIO := $(shell echo '$(HASH)include <segyio/segy.h>' | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo 1)
TEST_CFLAGS = $(shell $(PKG_CONFIG) --cflags cmocka 2>/dev/null) $(PMIX_FLAGS) $(if $(HAVE_SEGYIO),-DSP_HAVE_SEGYIO)
TEST_LIBS := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null) $(if $(HAVE_SEGYIO),-lsegyio)
