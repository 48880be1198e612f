/* The CUDA engine as the program sees it: finds and loads the module that holds it, and falls back to the CPU.
 *
 * The program itself knows no CUDA, so that one build runs with and without it on the machine.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "src/device/affinity.h"
#include "src/flow/gather/cuda_module.h"

enum { PATH_SIZE = 4096, WHY_SIZE = 512 };

static const char module_name[] = "seisproc_cuda.so";

/* Fills `folder` with where the program lies. */
static void find_own_folder(char folder[PATH_SIZE]) {
  const ssize_t n = readlink("/proc/self/exe", folder, PATH_SIZE - 1);
  folder[n < 0 ? 0 : n] = '\0';
  char *slash = strrchr(folder, '/');
  if (slash) *slash = '\0';
}

/* What SEISPROC_CUDA_MODULE names, else next to the program (or, for its tests and benches, in a folder above), else
 * where `make install` puts it. */
static void *open_module(char *why, size_t why_size) {
  static const char *const places[] = {"", "/..", "/../..", "/../lib/seisproc"};
  char folder[PATH_SIZE], path[PATH_SIZE + 64];
  const char *named = getenv("SEISPROC_CUDA_MODULE");
  if (named) {
    void *library = dlopen(named, RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(why, why_size, "%s", dlerror());
    return library;
  }
  find_own_folder(folder);
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    snprintf(path, sizeof path, "%s%s/%s", folder, places[i], module_name);
    if (access(path, R_OK)) continue;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(why, why_size, "%s", dlerror());
    return library;
  }
  snprintf(why, why_size, "there is no %s next to the program: it was built without CUDA", module_name);
  return NULL;
}

/* The module stays loaded: what is opened again is counted by the system. NULL: `why` says why. */
const sp_cuda_module *sp_cuda_module_load(char *why, size_t why_size) {
  if (!dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {
    snprintf(why, why_size, "there is no NVIDIA driver (libcuda.so.1)");
    return NULL;
  }
  void *library = open_module(why, why_size);
  if (!library) return NULL;
  const sp_cuda_module *module = dlsym(library, SP_CUDA_MODULE_SYMBOL);
  if (module && !strcmp(module->version, SP_VERSION)) return module;
  snprintf(why, why_size, "%s is of another version than the program", module_name);
  return NULL;
}

int sp_gpu_count(char *why, size_t why_size) {
  char reason[WHY_SIZE] = "";
  const sp_cuda_module *module = sp_cuda_module_load(reason, sizeof reason);
  const int count = module ? module->count(reason, sizeof reason) : 0;
  if (count == 0) sp_debug("gpu: none: %s", reason);
  if (why) snprintf(why, why_size, "%s", reason);
  return count;
}

static sp_status fall_back(const sp_engine_config *config, const char *why, sp_engine **out) {
  sp_warn("engine cuda: %s; the CPU computes with %d threads instead", why, config->n_threads);
  extern const sp_engine_ops sp_engine_cpu;
  SP_TRY(sp_engine_cpu.create(config, out));
  (*out)->ops = &sp_engine_cpu;
  (*out)->name = "cpu";
  return SP_SUCCESS;
}

/* This thread feeds the GPU: what it reads into should lie near it. */
static void stay_near(const sp_cuda_module *module, int device) {
  char bus_id[32];
  if (!module->bus_id(device, bus_id, sizeof bus_id)) return;
  const int cores = sp_stay_near_device("/sys", bus_id);
  if (cores > 0) sp_debug("engine cuda: device=%d bus_id=%s cores_near_it=%d", device, bus_id, cores);
}

static sp_status create(const sp_engine_config *config, sp_engine **out) {
  char why[WHY_SIZE] = "";
  const sp_cuda_module *module = sp_cuda_module_load(why, sizeof why);
  const int count = module ? module->count(why, sizeof why) : 0;
  if (count == 0) return SP_RAISE(SP_ERR_USAGE, "engine cuda: %s", why);
  sp_engine_config own = *config;
  own.device = config->device < 0 ? 0 : config->device;
  if (own.device >= count) {
    return SP_RAISE(SP_ERR_USAGE, "engine cuda: there is no GPU %d, only %d", own.device, count);
  }
  const sp_status status = module->create(&own, why, sizeof why, out);
  if (status == SP_SUCCESS) stay_near(module, own.device);
  return status == SP_ERR_USAGE ? fall_back(config, why, out) : status;
}

/* Only creates: what it makes brings its own. */
extern const sp_engine_ops sp_engine_cuda;
const sp_engine_ops sp_engine_cuda = {.create = create};
