/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_SEGY_LAYOUT_H
#define SEISPROC_SRC_SEGY_SEGY_LAYOUT_H

#include "src/segy/segy_probe.h"

/* Works out everything of *layout but kind, order and format, which are set. */
sp_status sp_segy_find_layout(const sp_segy_probe *probe, sp_segy_layout *layout);

#endif
