/* SPDX-License-Identifier: BSD-3-Clause */
/* Who does what: coordinator, I/O ranks, workers, and the groups of ranks between them.
 *
 * Rank 0 coordinates. On each node the first `io_ranks` of the other ranks are I/O ranks and the rest are workers,
 * each served by one I/O rank of its node. The smallest job has 3 ranks.
 */
#ifndef SEISPROC_ROLES_H
#define SEISPROC_ROLES_H

#include <stdbool.h>

#include "seisproc/ranks.h"
#include "seisproc/status.h"

typedef enum sp_role { SP_ROLE_COORDINATOR, SP_ROLE_IO, SP_ROLE_WORKER } sp_role;

const char *sp_role_name(sp_role role);

/* One rank of the world. */
typedef struct sp_member {
  int role;      /* sp_role */
  int node;      /* nodes are numbered in the order of their lowest rank */
  int node_rank; /* within the node's communicator */
  int index;     /* among the ranks of its role, in the order of world ranks */
  int io_rank;   /* workers: world rank of the I/O rank that serves it; else -1 */
} sp_member;

typedef struct sp_roles {
  sp_ranks world;     /* all, in a duplicate of the communicator given */
  sp_ranks node;      /* those that share this node's memory */
  sp_ranks peers;     /* those of the same role, in the order of `index` */
  sp_ranks team;      /* workers: those that work on a task together, of sp_roles_make_teams; else none */
  sp_ranks group;     /* workers: those that read together, of sp_roles_make_groups; else none */
  sp_member *members; /* [size]; members[rank] is this rank */
  int n_nodes, n_io, n_workers;
  int n_teams, team_size; /* team_size workers each, the last one with what is left over */
} sp_roles;

/* Collective over comm. SEISPROC_RANKS_PER_NODE=n cuts a real node into nodes of n ranks, so that tests see several
 * nodes on one machine. Errors: SP_ERR_USAGE, one line, when there are fewer than 3 ranks or a node has a
 * single rank besides the coordinator. */
sp_status sp_roles_create(MPI_Comm comm, int io_ranks_per_node, sp_roles **out);

/* Makes teams of `size` workers that follow each other by index; fewer workers than that are one team. Collective over
 * roles->world, once. */
void sp_roles_make_teams(sp_roles *roles, int size);

/* Makes groups of workers that read together: those of a node, or all. Collective over roles->world, once. */
void sp_roles_make_groups(sp_roles *roles, bool of_all);

/* The team of the worker of this index. */
static inline int sp_roles_team_of(const sp_roles *roles, int worker) {
  const int team = worker / roles->team_size;
  return team < roles->n_teams ? team : roles->n_teams - 1;
}

/* Collective. Takes NULL. */
void sp_roles_destroy(sp_roles *roles);

static inline const sp_member *sp_roles_self(const sp_roles *roles) {
  return &roles->members[roles->world.rank];
}

#endif
