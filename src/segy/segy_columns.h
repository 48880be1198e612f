/* SPDX-License-Identifier: BSD-3-Clause */
/* Which header words a file has and where. Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_SEGY_COLUMNS_H
#define SEISPROC_SRC_SEGY_SEGY_COLUMNS_H

#include "src/segy/segy_stanza.h"

/* Fills layout->columns, length_unit and counit from the table, the stanza and the hints. `header` is the first trace's
 * raw header, `measurement` the binary header's. */
sp_status sp_segy_columns_set(const sp_segy_probe *probe, const sp_stanza *stanza, const uint8_t *header,
                              int measurement, sp_segy_layout *layout);

#endif
