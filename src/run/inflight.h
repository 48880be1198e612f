/* SPDX-License-Identifier: BSD-3-Clause */
/* What each rank has in hand, on file, so that whoever is left after a death or a hang can say it. Private to src/run.
 *
 * OUT.inflight, of one run; rank 0 writes it as it deals, and removes it when the job ends well:
 *
 *   units WORD                        what a unit is called: "gather"
 *   rank RANK ROLE PROCESS HOST
 *   deal RANK FIRST_UNIT N
 *   done FIRST_UNIT                   those units are in the journal
 *   waits RANK SECONDS WHAT           appended by the rank itself, when it takes long
 *   arrived RANK STEP                 likewise: it is in a collective transfer
 *
 * Never synced: it is for the death of processes, not of machines.
 */
#ifndef SEISPROC_SRC_RUN_INFLIGHT_H
#define SEISPROC_SRC_RUN_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

/* Where a rank is; plain data. */
typedef struct sp_place {
  int32_t role; /* sp_role */
  int32_t node;
  int32_t process;
  char host[64];
} sp_place;

typedef struct sp_inflight sp_inflight;

/* Begins the file anew. `unit` is what a unit is called. Borrows path. Errors: SP_ERR_MEMORY. A file that cannot be
 * written is said once in the log, and then done without. */
sp_status sp_inflight_create(const char *path, const char *unit, const sp_place *places, int n_ranks,
                             sp_inflight **out);

/* Notes what was dealt and what is durable; sp_inflight_flush hands the notes to the system. */
void sp_inflight_deal(sp_inflight *inflight, int rank, uint64_t first_unit, uint32_t n);
void sp_inflight_done(sp_inflight *inflight, uint64_t first_unit);
void sp_inflight_flush(sp_inflight *inflight);

/* Takes NULL. The file stays. */
void sp_inflight_close(sp_inflight *inflight);

/* Appends, from any process and thread, that a rank has been waiting. */
void sp_inflight_note_wait(const char *path, int rank, double seconds, const char *what);

/* Appends that a rank is in a collective transfer, of this number. */
void sp_inflight_note_arrival(const char *path, int rank, uint64_t step);

/* Which of n_ranks have noted that they are in this one, or in a later one: arrived[n_ranks]; returns how many. */
int sp_inflight_count_arrivals(const char *path, uint64_t step, int n_ranks, bool *arrived);

enum { SP_INFLIGHT_TEXT = 512 };

/* "worker on n01, process 4711, has gathers 120 to 133 in flight, waits for the other workers for 240 s": what the file
 * says of a rank; *says is whether that rank itself has said what it waits for (may be NULL). False, and an empty text,
 * where the file does not know the rank. */
bool sp_inflight_describe(const char *path, int rank, char text[SP_INFLIGHT_TEXT], bool *says);

/* Units that were dealt to a rank: how many of them are in the journal, and how many it had in hand. Both 0 where the
 * file does not know the rank. */
void sp_inflight_count(const char *path, int rank, uint64_t *n_done, uint64_t *n_in_hand);

#endif
