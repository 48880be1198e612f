/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_SAMPLE_ORDER_H
#define SEISPROC_SRC_SEGY_SAMPLE_ORDER_H

#include "src/segy/segy_probe.h"

/* Sets layout->sample_order, when all else of the layout is known: what the hints say, else the headers' order unless a
 * look at some traces shows the other one. What was found is noted, absurd amplitudes too. */
sp_status sp_segy_find_sample_order(const sp_segy_probe *probe, sp_segy_layout *layout);

#endif
