# GPU parts: kernels/cuda/*.cu become a shared object of their own, build/seisproc_cuda.so, which the program loads
# when it finds a GPU. So one build runs with and without CUDA on the machine; without nvcc everything else builds.

# The module is looked for with dlopen, also where it was not built.
LDLIBS += -ldl

NVCC ?= $(firstword $(shell command -v nvcc 2>/dev/null) $(wildcard /usr/local/cuda/bin/nvcc))
CUDA_SRC := $(wildcard kernels/cuda/*.cu src/engine/cuda/*.cu)
# Machine code for these, and PTX of the last for later ones.
CUDA_ARCHS ?= 80 90
CUDA_FLAGS ?= -O3 -std=c++17 -lineinfo
CUDA_LIBS ?= -lcufft

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
	$(call Q,NVCC,$<)$(NVCC) $(CUDA_FLAGS) $(CUDA_GENCODE) -Iinclude -I. -DSP_VERSION='"$(VERSION)"' \
	  -Xcompiler -fPIC,-Wall -MMD -MP -c -o $@ $<
endif
