/* SPDX-License-Identifier: BSD-3-Clause */
/* The coordinator's state, shared by what it sends (dealing.c), what it receives (coordinator.c) and what it knows of
 * the units (units.c). Private to src/run.
 *
 * Dealing goes by credits: a team of workers that has fewer than SP_CREDITS tasks to compute is dealt another, whatever
 * the others do. Workers wait for each other at phases only, and in groups that read together: such a group is dealt to
 * at once, a round of a task each or none, as long as it reads together.
 *
 * Memory and work grow with the number of workers, not with its square: what has to be looked at is in a queue.
 */
#ifndef SEISPROC_SRC_RUN_COORDINATOR_H
#define SEISPROC_SRC_RUN_COORDINATOR_H

#include "src/run/deadline.h"
#include "src/run/messages.h"
#include "src/run/progress.h"
#include "src/run/quarantine.h"
#include "src/run/run_context.h"
#include "src/run/task_table.h"

/* What a unit is to the coordinator. */
typedef enum sp_unit_state {
  SP_UNIT_LEFT,     /* not computed, as far as is known */
  SP_UNIT_COMPUTED, /* kept by its worker, until the next sync */
  SP_UNIT_DONE      /* durable, and in the journal */
} sp_unit_state;

typedef enum sp_phase_step {
  SP_STEP_DEALING,
  SP_STEP_SYNCING, /* the workers meet; nothing is dealt */
  SP_STEP_ENDED    /* no phase is left, or dealing stopped early */
} sp_phase_step;

/* A team of workers as it is dealt to. */
typedef struct sp_deal_team {
  uint32_t in_hand; /* tasks dealt and not yet reported by all its workers */
  bool is_followed; /* its last task was followed by another message */
  int group;
  char engine[12]; /* what computes there, as last reported */
} sp_deal_team;

/* Teams that are dealt to at once. */
typedef struct sp_deal_group {
  int first, n;  /* in the list of teams by group */
  bool together; /* it reads together: its teams are one worker each */
  bool is_queued;
  uint64_t rounds; /* dealt so far */
} sp_deal_group;

/* Units that are to be dealt again. */
typedef struct sp_repeat {
  sp_unit_run units;
  int not_to;      /* the team that is late with them; -1: any will do */
  char engine[12]; /* the bytes are those of this one; "": any */
} sp_repeat;

enum { SP_MAX_REPEATS = 256, SP_DURATIONS = 64 };

typedef struct sp_coordinator {
  sp_run_context *run;
  const sp_roles *roles;
  sp_flow_plan *plan;
  const sp_file_identity *input; /* as the job began; borrowed */
  const sp_flow *flow;
  sp_journal *journal; /* borrowed; NULL: none is kept */
  bool journal_durable;
  sp_inflight *inflight;   /* borrowed */
  sp_chunk_places *places; /* borrowed; NULL: nothing is packed */
  /* units */
  uint8_t *state;   /* [n_units] sp_unit_state */
  uint8_t *taken;   /* [n_units]: not to be dealt, since done or in quarantine */
  uint8_t *seen;    /* [n_units]: figures of a part have come */
  uint8_t *figures; /* [n_units] records; borrowed */
  uint64_t n_done, done_work;
  uint64_t n_dealt; /* units, with those of earlier runs */
  sp_quarantine quarantine;
  /* the phase */
  uint32_t phase;
  sp_phase now;
  sp_phase_step step;
  bool phase_is_over;                      /* the next one is to begin */
  uint64_t undealt;                        /* units of the phase that are still to be dealt */
  uint64_t left;                           /* that are neither computed nor done */
  uint64_t n_kept;                         /* that are computed, and kept by their workers */
  uint32_t syncs_due;                      /* reports of a sync that are still to come */
  bool sync_ends;                          /* it is the one that ends the phase */
  double sync_began, synced_at, sync_took; /* of the last one */
  bool drained;                            /* the I/O ranks know that nothing more is dealt for now */
  /* workers */
  int *worker_ranks;     /* [n_workers]: world rank by worker's index */
  sp_deal_team *teams;   /* [n_teams] */
  int n_unfollowed;      /* of these */
  sp_deal_group *groups; /* [n_groups] */
  int n_groups;
  int *group_teams; /* [n_teams], group by group */
  int *queue;       /* [n_groups]: groups to be looked at, a ring; each is in it once at most */
  int queue_first, n_queued;
  sp_unit_run *round; /* [n_teams]: what a round gives to each team of its group */
  /* what is late */
  sp_repeat repeats[SP_MAX_REPEATS];
  int n_repeats;
  double durations[SP_DURATIONS]; /* of the tasks done last, from dealing to the disk; a ring */
  uint64_t n_durations;
  double looked_at;      /* when late ones were last looked for */
  double idle_looked_at; /* when all teams were last looked at */
  double *speed;         /* [n_teams], work a second; 0: not known */
  sp_stage_times *times; /* [n_workers], as last reported */
  sp_task_table *table;
  /* messages */
  sp_outbox *deals;   /* SP_DEAL_BUFFERS a rank, for messages of up to SP_SMALL_DEAL bytes */
  uint8_t *next_deal; /* [size]: which of a rank's buffers is next */
  sp_outbox *large;   /* n_large, for whoever needs one */
  size_t n_large, next_large;
  void *payload; /* being made */
  void *inbox;
  size_t inbox_bytes;
  sp_progress progress;
  double ticked_at;    /* s since dealing began: the last `tick` line of the history */
  uint64_t first_work; /* done by earlier runs */
  sp_deadline deadline;
  sp_status outcome; /* why dealing stopped early */
  double stopped_at; /* when that was SP_STOPPED */
} sp_coordinator;

enum { SP_DEAL_BUFFERS = SP_CREDITS + 4, SP_SMALL_DEAL = 192 };

/* --- groups of teams (deal_groups.c) --- */

/* Makes them and all that dealing needs. */
sp_status sp_dealing_create(sp_coordinator *c);
void sp_dealing_destroy(sp_coordinator *c);

/* A team's group is to be looked at: there may be room for more, or more for it. */
void sp_dealing_queue(sp_coordinator *c, int team);
void sp_dealing_queue_group(sp_coordinator *c, int group);
void sp_dealing_queue_all(sp_coordinator *c);

/* A team of it reads by itself now, and so do all of its group; why, which is said once. */
void sp_dealing_part(sp_coordinator *c, int team, const sp_report_message *report);

/* --- what is late (late.c) --- */

/* How long a task took. */
void sp_late_note_duration(sp_coordinator *c, double seconds);

/* Has units dealt again. */
void sp_late_repeat(sp_coordinator *c, const sp_repeat *repeat);

/* Looks for tasks that are late, now and then, and has them dealt again. */
void sp_late_look(sp_coordinator *c);

/* Forgets what was to be dealt again and has come meanwhile. */
void sp_late_forget(sp_coordinator *c);

/* Something to be dealt again that this team may be dealt; false where there is none. */
bool sp_late_next(sp_coordinator *c, int team, sp_unit_run *out);

/* --- dealing (dealing.c) --- */

/* Begins the first phase that has something to do, `from` or a later one. */
sp_status sp_dealing_begin_phase(sp_coordinator *c, uint32_t from);

/* Deals to every team that has room; moves on to a sync or to the next phase where the time for it has come. */
sp_status sp_dealing_go_on(sp_coordinator *c);

/* All workers have met: what they kept is durable. */
sp_status sp_dealing_synced(sp_coordinator *c);

/* Tells everybody that it is the end. */
sp_status sp_dealing_end(sp_coordinator *c);

/* --- what is known of the units (units.c) ------------------------------------------------------------------------- */

/* From the journal of earlier runs and from the quarantine. What was made is freed by sp_units_free, also after an
 * error. */
sp_status sp_units_create(sp_coordinator *c, const sp_coordinator_state *start);
void sp_units_free(sp_coordinator *c);

/* Figures of n units, or of a part of each, have come. */
void sp_units_add_figures(sp_coordinator *c, uint64_t first_unit, uint32_t n, const void *records);

/* n units are computed and kept by their worker until the next sync. */
void sp_units_mark_computed(sp_coordinator *c, uint64_t first_unit, uint32_t n);

/* Counts n units as done and has that in the journal. Their figures are in place, and so are the places of the chunks
 * of `task`, which computed them; NULL: no rows are theirs. Errors: SP_ERR_INPUT where the input
 * is no longer the file that the job began with; SP_ERR_IO. */
sp_status sp_units_mark_done(sp_coordinator *c, uint64_t first_unit, uint32_t n, const sp_task *task);

#endif
