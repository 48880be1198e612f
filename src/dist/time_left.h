/* SPDX-License-Identifier: BSD-3-Clause */
/* What Slurm writes about time. Private to src/dist. */
#ifndef SEISPROC_SRC_DIST_TIME_LEFT_H
#define SEISPROC_SRC_DIST_TIME_LEFT_H

/* Seconds of [[DAYS-]HOURS:]MINUTES:SECONDS as squeue writes it, with what may stand after a line's end. INFINITY for
 * UNLIMITED, NOT_SET, INVALID and all else that is no time. */
double sp_slurm_seconds(const char *text);

#endif
