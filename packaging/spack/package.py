# SPDX-License-Identifier: BSD-3-Clause
# Recipe for Spack. `make dist` gives the archive; put it where `spack install` is called (docs/installing.md).
import os

from spack.package import *

try:  # since Spack 1.0 these are of the repository of packages
    from spack_repo.builtin.build_systems.cuda import CudaPackage
    from spack_repo.builtin.build_systems.makefile import MakefilePackage
except ImportError:
    pass


class Seisproc(MakefilePackage, CudaPackage):
    """Denoising and reprocessing of pre-stack seismic surveys: MPI, parallel HDF5, FFTW, CUDA."""

    manual_download = True
    url = f"file://{os.getcwd()}/seisproc-0.2.0.tar.gz"
    license("BSD-3-Clause")

    version("0.2.0")

    variant("cairo", default=True, description="Single PNGs with axes")

    depends_on("c", type="build")
    depends_on("gmake", type="build")
    depends_on("pkgconf", type="build")
    depends_on("python@3.9:", type="build")
    depends_on("mpi")
    depends_on("hdf5@1.10:+mpi+hl")
    depends_on("libyaml")
    depends_on("fftw@3.3:+mpi precision=float,double")
    depends_on("xxhash")
    depends_on("libpng")
    depends_on("lz4")
    depends_on("zstd")
    depends_on("zfp")
    depends_on("cairo+ft+fc+png+pdf", when="+cairo")

    def _settings(self):
        settings = [f"PREFIX={self.prefix}", "PYTHON=python3"]
        if "+cuda" in self.spec:
            archs = [a for a in self.spec.variants["cuda_arch"].value if a != "none"]
            settings.append(f"NVCC={self.spec['cuda'].prefix.bin.nvcc}")
            if archs:
                settings.append("CUDA_ARCHS=" + " ".join(archs))
        else:
            settings.append("NVCC=")
        return settings

    def build(self, spec, prefix):
        make("all", *self._settings())

    def install(self, spec, prefix):
        make("install", *self._settings())
