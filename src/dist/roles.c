/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/roles.h"

#include <stdlib.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"

const char *sp_role_name(sp_role role) {
  static const char *const names[] = {"coordinator", "i/o", "worker"};
  return names[role];
}

/* The ranks of `comm` that give the same color, in the order of `key`; none of MPI_UNDEFINED. */
static sp_ranks split(MPI_Comm comm, int color, int key) {
  MPI_Comm part;
  SP_MPI_ALL(MPI_Comm_split(comm, color, key, &part));
  return sp_ranks_of(part);
}

/* The ranks that share memory with this one, cut further where the environment asks for it. */
static void split_nodes(sp_roles *roles) {
  MPI_Comm shared;
  SP_MPI_ALL(MPI_Comm_split_type(roles->world.comm, MPI_COMM_TYPE_SHARED, roles->world.rank, MPI_INFO_NULL, &shared));
  const char *text = getenv("SEISPROC_RANKS_PER_NODE");
  const int ranks_per_node = text ? atoi(text) : 0;
  if (ranks_per_node < 1) {
    roles->node = sp_ranks_of(shared);
    return; /* alike: the launcher gives all ranks the same environment */
  }
  roles->node = split(shared, sp_ranks_of(shared).rank / ranks_per_node, roles->world.rank);
  MPI_Comm_free(&shared);
}

/* Fills in node and node_rank of all members: a node is known by the world rank of its first rank. */
static void find_nodes(sp_roles *roles) {
  sp_member *self = &roles->members[roles->world.rank];
  int head = roles->world.rank;
  self->node_rank = roles->node.rank;
  SP_MPI_ALL(MPI_Bcast(&head, 1, MPI_INT, 0, roles->node.comm));
  self->node = head;
  SP_MPI_ALL(
      MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, roles->members, sizeof *self, MPI_BYTE, roles->world.comm));
  for (int r = 0; r < roles->world.size; r++) {
    sp_member *member = &roles->members[r];
    member->node = member->node == r ? roles->n_nodes++ : roles->members[member->node].node;
  }
}

/* The same arithmetic on every rank, so that all know all. */
static sp_status assign(sp_roles *roles, int io_ranks_per_node, int *io_of_node, int *count) {
  for (int node = 0; node < roles->n_nodes; node++) {
    int others = 0, n_io = 0, n_workers = 0;
    for (int r = 1; r < roles->world.size; r++) others += roles->members[r].node == node;
    if (others == 1) {
      return roles->world.rank ? SP_ERR_USAGE
                               : SP_RAISE(SP_ERR_USAGE,
                                          "node %d has one rank besides the coordinator, allowed is none or at least 2 "
                                          "(an I/O rank and a worker); the smallest job has 3 ranks",
                                          node);
    }
    const int wanted_io = io_ranks_per_node < others ? io_ranks_per_node : others - 1;
    for (int r = 1; r < roles->world.size; r++) {
      sp_member *member = &roles->members[r];
      if (member->node != node) continue;
      if (n_io < wanted_io) {
        member->role = SP_ROLE_IO;
        io_of_node[n_io++] = r;
      } else {
        member->role = SP_ROLE_WORKER;
        member->io_rank = io_of_node[n_workers++ % n_io];
      }
    }
  }
  for (int r = 0; r < roles->world.size; r++) roles->members[r].index = count[roles->members[r].role]++;
  roles->n_io = count[SP_ROLE_IO];
  roles->n_workers = count[SP_ROLE_WORKER];
  return SP_SUCCESS;
}

static sp_status assign_roles(sp_roles *roles, int io_ranks_per_node) {
  int count[3] = {0};
  void *io_of_node = NULL;
  for (int r = 0; r < roles->world.size; r++) roles->members[r].io_rank = -1;
  roles->members[0].role = SP_ROLE_COORDINATOR;
  SP_TRY(sp_calloc((size_t)roles->world.size, sizeof(int), "roles", &io_of_node));
  const sp_status status = assign(roles, io_ranks_per_node, io_of_node, count);
  sp_free(io_of_node);
  return status;
}

static sp_status check_size(const sp_roles *roles) {
  if (roles->world.size >= 3) return SP_SUCCESS;
  if (roles->world.rank) return SP_ERR_USAGE;
  return SP_RAISE(SP_ERR_USAGE, "%d ranks, allowed is at least 3: a coordinator, an I/O rank and a worker",
                  roles->world.size);
}

sp_status sp_roles_create(MPI_Comm comm, int io_ranks_per_node, sp_roles **out) {
  sp_status status;
  sp_roles *roles = NULL;
  SP_ALIKE(sp_calloc_together(comm, 1, sizeof *roles, "roles", &roles));
  roles->world = roles->node = roles->peers = roles->team = roles->group = sp_ranks_of(MPI_COMM_NULL);
  SP_MPI_ALL(MPI_Comm_dup(comm, &roles->world.comm));
  roles->world = sp_ranks_of(roles->world.comm);
  SP_AGREE_GOTO(fail, comm, check_size(roles));
  const size_t n = (size_t)roles->world.size;
  SP_ALIKE_GOTO(fail, sp_calloc_together(comm, n, sizeof(sp_member), "roles", &roles->members));
  split_nodes(roles);
  find_nodes(roles);
  SP_AGREE_GOTO(fail, comm, assign_roles(roles, io_ranks_per_node));
  roles->peers = split(roles->world.comm, sp_roles_self(roles)->role, roles->world.rank);
  *out = roles;
  return SP_SUCCESS;
fail:
  sp_roles_destroy(roles);
  return status;
}

void sp_roles_make_teams(sp_roles *roles, int size) {
  const sp_member *self = sp_roles_self(roles);
  roles->team_size = size < 1 ? 1 : size;
  roles->n_teams = roles->n_workers / roles->team_size ? roles->n_workers / roles->team_size : 1;
  const int color = self->role == SP_ROLE_WORKER ? sp_roles_team_of(roles, self->index) : MPI_UNDEFINED;
  roles->team = split(roles->world.comm, color, roles->world.rank);
}

void sp_roles_make_groups(sp_roles *roles, bool of_all) {
  const sp_member *self = sp_roles_self(roles);
  const int color = self->role != SP_ROLE_WORKER ? MPI_UNDEFINED : of_all ? 0 : self->node;
  roles->group = split(roles->world.comm, color, roles->world.rank);
}

void sp_roles_destroy(sp_roles *roles) {
  if (!roles) return;
  sp_ranks_free(&roles->group);
  sp_ranks_free(&roles->team);
  sp_ranks_free(&roles->peers);
  sp_ranks_free(&roles->node);
  sp_ranks_free(&roles->world);
  sp_free(roles->members);
  sp_free(roles);
}
