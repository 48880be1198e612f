/* SPDX-License-Identifier: BSD-3-Clause */
/* The engines on a GPU and on the mock device: what they have in common with each other is device_engine.c; here they
 * find their device, or fall back to the CPU. Only `create`: what it makes brings its own functions. */
#include <stdio.h>

#include "seisproc/log.h"
#include "src/device/mock.h"
#include "src/flow/gather/device_engine.h"
#include "src/flow/gpu.h"

enum { WHY_SIZE = 512 };

static sp_status fall_back(const char *name, const sp_engine_config *config, const char *why, sp_engine **out) {
  sp_warn("engine %s: %s; the CPU computes with %d threads instead", name, why, config->n_threads);
  SP_TRY(sp_engine_cpu.create(config, out));
  (*out)->ops = &sp_engine_cpu;
  (*out)->name = "cpu";
  return SP_SUCCESS;
}

static sp_status create(const char *name, const sp_gpu_module *module, const sp_engine_config *config, char *why,
                        sp_engine **out) {
  const int count = module ? module->count(why, WHY_SIZE) : 0;
  if (count == 0) return SP_RAISE(SP_ERR_USAGE, "engine %s: %s", name, why);
  sp_engine_config own = *config;
  own.device = config->device < 0 ? 0 : config->device;
  if (own.device >= count) {
    return SP_RAISE(SP_ERR_USAGE, "engine %s: there is no GPU %d, only %d", name, own.device, count);
  }
  const sp_status status = sp_device_engine_create(module, &own, why, WHY_SIZE, out);
  if (status == SP_SUCCESS) sp_gpu_stay_near(module, own.device);
  return status == SP_ERR_USAGE ? fall_back(name, config, why, out) : status;
}

static sp_status create_cuda(const sp_engine_config *config, sp_engine **out) {
  char why[WHY_SIZE] = "";
  return create("cuda", sp_cuda_module_load(why, sizeof why), config, why, out);
}

static sp_status create_mock(const sp_engine_config *config, sp_engine **out) {
  char why[WHY_SIZE] = "";
  sp_mock_orders orders;
  SP_TRY(sp_mock_orders_read(&orders));
  return create("mock", &sp_mock_module, config, why, out);
}

const sp_engine_ops sp_engine_cuda = {.create = create_cuda};
const sp_engine_ops sp_engine_mock = {.create = create_mock};
