/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock device as a module for GPUs. */
#include <stdio.h>

#include "src/device/mock.h"
#include "src/flow/gather/batch.h"
#include "src/flow/gpu.h"
#include "src/flow/image/mock_image.h"
#include "src/flow/volume/mock_cube.h"
#include "src/flow/volume/mock_group.h"

static int count(char *why, size_t why_size) {
  sp_mock_orders orders;
  snprintf(why, why_size, "SEISPROC_MOCK says that there is none");
  return sp_mock_orders_read(&orders) == SP_SUCCESS ? orders.devices : 0;
}

const sp_gpu_module sp_mock_module = {.version = SP_VERSION,
                                      .device = &sp_mock_device,
                                      .count = count,
                                      .gather = &sp_batch_mock,
                                      .fkk = &sp_mock_cube,
                                      .group = &sp_mock_group,
                                      .pstm = &sp_mock_image};
