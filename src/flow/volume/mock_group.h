/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups of mock devices: NCCL's rules over MPI. */
#ifndef SEISPROC_SRC_FLOW_VOLUME_MOCK_GROUP_H
#define SEISPROC_SRC_FLOW_VOLUME_MOCK_GROUP_H

#include "src/device/group.h"

extern const sp_group_ops sp_mock_group;

#endif
