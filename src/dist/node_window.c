#include "seisproc/node_window.h"

#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"

struct sp_node_window {
  MPI_Win win;
  sp_window_shape shape;
  size_t results_at, traces_at, noise_at, slot_bytes;
  const sp_roles *roles; /* borrowed */
  char **base;           /* [node size]: where each rank's slots begin; NULL for ranks that are no workers */
};

static size_t round_up(size_t n, size_t to) {
  return (n + to - 1) / to * to;
}

static void lay_out(sp_node_window *window) {
  const sp_window_shape *shape = &window->shape;
  window->results_at = round_up(sizeof(sp_slot), SP_ALIGNMENT);
  window->traces_at = round_up(window->results_at + shape->max_gathers * sizeof(sp_gather_result), SP_PAGE);
  window->noise_at = round_up(window->traces_at + shape->sample_bytes, SP_PAGE) + SP_PAGE;
  window->slot_bytes =
      shape->has_noise ? round_up(window->noise_at + shape->sample_bytes, SP_PAGE) + SP_PAGE : window->noise_at;
}

size_t sp_window_slot_bytes(const sp_window_shape *shape) {
  sp_node_window window = {.shape = *shape};
  lay_out(&window);
  return window.slot_bytes;
}

static sp_status allocate(sp_node_window *window) {
  const sp_roles *roles = window->roles;
  const bool worker = sp_roles_self(roles)->role == SP_ROLE_WORKER;
  const size_t mine = worker ? window->slot_bytes * (size_t)window->shape.n_slots : 0;
  MPI_Info info;
  SP_TRY(SP_MPI(MPI_Info_create(&info)));
  MPI_Info_set(info, "alloc_shared_noncontig", "true"); /* each worker's part on its own pages */
  char *own = NULL;
  const sp_status status = SP_MPI(
      MPI_Win_allocate_shared((MPI_Aint)(mine + (worker ? SP_PAGE : 0)), 1, info, roles->node, &own, &window->win));
  MPI_Info_free(&info);
  SP_TRY(status);

  for (int r = 0; r < roles->size; r++) {
    const sp_member *member = &roles->members[r];
    if (member->node != sp_roles_self(roles)->node || member->role != SP_ROLE_WORKER) continue;
    MPI_Aint size;
    int unit;
    char *start;
    SP_TRY(SP_MPI(MPI_Win_shared_query(window->win, member->node_rank, &size, &unit, &start)));
    window->base[member->node_rank] = (char *)round_up((size_t)start, SP_PAGE);
  }
  if (worker) memset(window->base[sp_roles_self(roles)->node_rank], 0, mine);
  return SP_SUCCESS;
}

sp_status sp_node_window_create(const sp_roles *roles, const sp_window_shape *shape, sp_node_window **out) {
  sp_status status;
  sp_node_window *window = NULL;
  int node_size;
  MPI_Comm_size(roles->node, &node_size);
  SP_TRY(sp_calloc(1, sizeof *window, "the node window", (void **)&window));
  window->win = MPI_WIN_NULL;
  window->shape = *shape;
  window->roles = roles;
  lay_out(window);
  SP_TRY_GOTO(fail, sp_calloc((size_t)node_size, sizeof(char *), "the node window", (void **)&window->base));
  SP_TRY_GOTO(fail, allocate(window));
  SP_TRY_GOTO(fail, sp_quiet_barrier(roles->node)); /* no slot is looked at before it is zero */
  *out = window;
  return SP_SUCCESS;
fail:
  sp_node_window_destroy(window);
  return status;
}

void sp_node_window_destroy(sp_node_window *window) {
  if (!window) return;
  if (window->win != MPI_WIN_NULL) MPI_Win_free(&window->win);
  sp_free(window->base);
  sp_free(window);
}

sp_slot *sp_node_window_slot(const sp_node_window *window, int world_rank, uint64_t i) {
  char *base = window->base[window->roles->members[world_rank].node_rank];
  return (sp_slot *)(base + window->slot_bytes * (i % (uint64_t)window->shape.n_slots));
}

sp_gather_result *sp_slot_results(const sp_node_window *window, sp_slot *slot) {
  return (sp_gather_result *)((char *)slot + window->results_at);
}

float *sp_slot_traces(const sp_node_window *window, sp_slot *slot) {
  return (float *)((char *)slot + window->traces_at + slot->phase);
}

float *sp_slot_noise(const sp_node_window *window, sp_slot *slot) {
  return window->shape.has_noise ? (float *)((char *)slot + window->noise_at + slot->phase) : NULL;
}
