# SPDX-License-Identifier: BSD-3-Clause
# GPU parts: the .cu files of kernels/ and src/ become a shared object of their own, build/seisproc_cuda.so, which
# the program loads when it finds a GPU. So one build runs with and without CUDA on the machine; without nvcc
# everything else builds.

# The module is looked for with dlopen, also where it was not built.
override LDLIBS += -ldl

NVCC ?= $(firstword $(shell command -v nvcc 2>/dev/null) $(wildcard /usr/local/cuda/bin/nvcc))
CUDA_SRC := $(wildcard kernels/*.cu kernels/*/*.cu src/*/*.cu src/*/*/*.cu src/*/*/*/*.cu)
# Machine code for these, and PTX of the last for later ones.
CUDA_ARCHS ?= 80 90
CUDA_FLAGS ?= -O3 -std=c++17 -lineinfo
CUDA_LIBS ?= -lcufft

# Products and sums as on the CPU, where results are to be the same bits.
$(BUILD)/obj/kernels/fk_denoise/%.cu.o: CUDA_ROUNDING := -fmad=false
# Roots and quotients without the steps that numbers below 1e-38 would need.
$(BUILD)/obj/kernels/tf/cuda_pass_%.cu.o: CUDA_ROUNDING := -ftz=true

ifneq ($(and $(NVCC),$(CUDA_SRC)),)
CUDA_SO := $(BUILD)/seisproc_cuda.so
CUDA_OBJ := $(CUDA_SRC:%.cu=$(BUILD)/obj/%.cu.o)
CUDA_GENCODE := $(foreach a,$(CUDA_ARCHS),-gencode arch=compute_$a,code=sm_$a) \
  -gencode arch=compute_$(lastword $(CUDA_ARCHS)),code=compute_$(lastword $(CUDA_ARCHS))
# What it calls in the program (log, status) it finds there when it is loaded.
override LDFLAGS += -rdynamic

$(CUDA_SO): $(CUDA_OBJ)
	$(call Q,LINK,$@)$(NVCC) -shared -o $@ $^ $(CUDA_LIBS)

$(BUILD)/obj/%.cu.o: %.cu tools/cuda.mk
	@mkdir -p $(@D)
	$(call Q,NVCC,$<)$(NVCC) $(CUDA_FLAGS) $(CUDA_ROUNDING) $(filter -D%,$(EXTRA)) $(CUDA_GENCODE) -Iinclude -I. \
	  -DSP_VERSION='"$(VERSION)"' -Xcompiler -fPIC,-Wall -MMD -MP -c -o $@ $<
endif

# Benches of kernels link them directly; what they measure through the engine they load as the program does.
ifdef CUDA_SO
CUDA_HOME := $(patsubst %/bin/,%,$(dir $(NVCC)))
CUDA_BENCHES := $(patsubst perf/%.cu,$(BUILD)/bench/%,$(wildcard perf/bench_*.cu))

$(CUDA_BENCHES): $(BUILD)/bench/%: $(BUILD)/obj/perf/%.cu.o $(CUDA_OBJ) $(LIB) | $(CUDA_SO)
	@mkdir -p $(@D)
	$(call Q,LINK,$@)$(CXX) $(LDFLAGS) -o $@ $^ -L$(CUDA_HOME)/lib64 -lcudart_static $(CUDA_LIBS) -lrt $(LDLIBS)

CUDA_CHECKS := $(patsubst %.cu,$(BUILD)/%,$(wildcard tests/cuda/check_*.cu))

$(CUDA_CHECKS): $(BUILD)/%: $(BUILD)/obj/%.cu.o $(CUDA_OBJ) $(LIB)
	@mkdir -p $(@D)
	$(call Q,LINK,$@)$(CXX) $(LDFLAGS) -o $@ $^ -L$(CUDA_HOME)/lib64 -lcudart_static $(CUDA_LIBS) -lrt $(LDLIBS)

.PHONY: check-gpu bench-gpu sanitize-gpu cuda-checks
cuda-checks: $(CUDA_CHECKS)

check-gpu: $(CUDA_CHECKS) all tests faults ## compare the GPU kernels with the CPU, and see faults through (needs a GPU)
	+@$(AGAIN) BUILD=$(BUILD)-faults EXTRA="$(EXTRA) -DSP_FAULTS" $(BUILD)-faults/seisproc_cuda.so
	@for check in $(CUDA_CHECKS); do $$check || exit 1; done
	@$(PYTEST) tests/cuda

# Small cases: racecheck follows every access to shared memory.
SANITIZED = "$(BUILD)/tests/cuda/check_tf small" "$(BUILD)/tests/cuda/check_gathers small" \
  "$(BUILD)/tests/cuda/check_fkk small" \
  "$(BUILD)/tests/cuda/test_gpu_matches_cpu test_small*"
sanitize-gpu: $(CUDA_CHECKS) all tests ## look for errors of memory access and races in the GPU kernels (needs a GPU)
	@for tool in memcheck racecheck; do for check in $(SANITIZED); do \
	  compute-sanitizer --tool $$tool --error-exitcode 1 $$check || exit 1; done; done

bench-gpu: all $(CUDA_BENCHES) ## run the benches of the GPU kernels (needs a GPU)
	@for bench in $(CUDA_BENCHES); do $$bench || exit 1; done
endif
