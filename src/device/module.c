/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds and loads the module for GPUs. */
#include "src/device/module.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "src/device/affinity.h"

enum { PATH_SIZE = 4096 };

static const char module_name[] = "seisproc_cuda.so";

/* Fills `folder` with where the shared library lies that this is part of, if it is. */
static bool find_library_folder(char folder[PATH_SIZE]) {
  Dl_info about;
  if (!dladdr(module_name, &about) || !about.dli_fname || !strstr(about.dli_fname, "/libseisproc.so")) return false;
  snprintf(folder, PATH_SIZE, "%.*s", (int)(strrchr(about.dli_fname, '/') - about.dli_fname), about.dli_fname);
  return true;
}

/* Fills `folder` with where the program lies. */
static void find_own_folder(char folder[PATH_SIZE]) {
  const ssize_t n = readlink("/proc/self/exe", folder, PATH_SIZE - 1);
  folder[n < 0 ? 0 : n] = '\0';
  char *slash = strrchr(folder, '/');
  if (slash) *slash = '\0';
}

/* What SEISPROC_CUDA_MODULE names, else next to the program (or, for its tests and benches, in a folder above) or the
 * shared library, else where `make install` puts it. */
static void *open_module(char *why, size_t why_size) {
  static const char *const of_program[] = {"", "/..", "/../..", "/../lib/seisproc", NULL};
  static const char *const of_library[] = {"", "/seisproc", NULL};
  char folder[PATH_SIZE], path[PATH_SIZE + 64];
  const char *named = getenv("SEISPROC_CUDA_MODULE");
  if (named) {
    void *library = dlopen(named, RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(why, why_size, "%s", dlerror());
    return library;
  }
  const char *const *places = find_library_folder(folder) ? of_library : of_program;
  if (places == of_program) find_own_folder(folder);
  for (; *places; places++) {
    snprintf(path, sizeof path, "%s%s/%s", folder, *places, module_name);
    if (access(path, R_OK)) continue;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) snprintf(why, why_size, "%s", dlerror());
    return library;
  }
  snprintf(why, why_size, "there is no %s next to the program: it was built without CUDA", module_name);
  return NULL;
}

/* What is opened again is counted by the system. */
const sp_gpu_module *sp_cuda_module_load(char *why, size_t why_size) {
  if (!dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {
    snprintf(why, why_size, "there is no NVIDIA driver (libcuda.so.1)");
    return NULL;
  }
  void *library = open_module(why, why_size);
  if (!library) return NULL;
  const sp_gpu_module *module = dlsym(library, SP_CUDA_MODULE_SYMBOL);
  if (module && !strcmp(module->version, SP_VERSION)) return module;
  snprintf(why, why_size, "%s is of another version than the program", module_name);
  return NULL;
}

void sp_gpu_stay_near(const sp_gpu_module *module, int device) {
  char bus_id[32];
  if (!module->bus_id || !module->bus_id(device, bus_id, sizeof bus_id)) return;
  const int cores = sp_stay_near_device("/sys", bus_id);
  if (cores > 0) sp_debug("gpu: device=%d bus_id=%s cores_near_it=%d", device, bus_id, cores);
}
