/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration on the mock device: the CPU's mathematics on a stream, so its bits are the CPU's. */
#ifndef SEISPROC_SRC_FLOW_IMAGE_MOCK_IMAGE_H
#define SEISPROC_SRC_FLOW_IMAGE_MOCK_IMAGE_H

#include "kernels/pstm/gpu.h"

extern const sp_pstm_gpu_ops sp_mock_image;

#endif
