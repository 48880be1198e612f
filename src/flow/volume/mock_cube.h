/* SPDX-License-Identifier: BSD-3-Clause */
/* The velocity filter of a cube on mock devices: the CPU's mathematics, moved as on GPUs, so its bits are the CPU's. */
#ifndef SEISPROC_SRC_FLOW_VOLUME_MOCK_CUBE_H
#define SEISPROC_SRC_FLOW_VOLUME_MOCK_CUBE_H

#include "kernels/fkk/cuda.h"

extern const sp_fkk_cuda_ops sp_mock_cube;

#endif
