/* SPDX-License-Identifier: BSD-3-Clause */
/* A process that must not outlive the one that started it: a rank, whose launcher may be killed at any time, also
 * before MPI has started. Private to seisproc. */
#ifndef SEISPROC_SRC_BASE_ORPHAN_H
#define SEISPROC_SRC_BASE_ORPHAN_H

/* From now on this process ends, with SP_EXIT_RESUMABLE, within half a second of its parent's death. A thread of its
 * own looks; the kernel's own signal for this (PR_SET_PDEATHSIG) would come too when only a thread of the parent ends.
 * Warns where it cannot be started. */
void sp_orphan_end(void);

#endif
