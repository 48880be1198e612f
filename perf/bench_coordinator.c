/* SPDX-License-Identifier: BSD-3-Clause */
/* The coordinator at scale: rank 0 of a job with very many workers, which one other process pretends.
 *
 *   build/bench/coordinator [WORKERS [RANGES_A_WORKER]]     (10000 and 20 unless told)
 *   OMPI_MCA_btl=self,tcp build/bench/coordinator           messages through sockets, as from other nodes
 *
 * What runs is the coordinator of the program (src/run: dealing, groups, late ranges, figures, no journal), with
 * messages that really go through MPI; only the layer that sends them is another one here, which puts the pretended
 * rank into the tag. The second process answers each task with a report and a durable message, in no order, from a
 * queue of its own. Every unit is counted: each must come exactly once.
 *
 * Printed: processor time of the coordinator's thread a range, MPI's included, its own memory, and both for a tenth of
 * the workers, which tells whether they grow in proportion. Promised: under 20 us and under 64 MB at 10,000 workers. */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "perf/bench.h"
#include "perf/self_start.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/run/coordinator.h"

enum { WORKERS_A_NODE = 8, UNITS_A_RANGE = 4, MOST_MESSAGE = 1 << 14, OTHER = 1 };

/* Open MPI has room for 512 messages to a process of the same node. Beyond that it keeps them in a list that each look
 * for a message goes through: with one process in place of 10,000 that would be all that is measured. */
static void make_room_for_messages(void) {
  setenv("OMPI_MCA_btl_vader_free_list_max", "-1", 0);
  setenv("OMPI_MCA_btl_vader_segment_size", "536870912", 0);
  setenv("OMPI_MCA_btl_sm_free_list_max", "-1", 0); /* its name in Open MPI 5 */
  setenv("OMPI_MCA_btl_sm_segment_size", "536870912", 0);
}

/* --- messages, in place of src/run/messages.c ------------------------------------------------------------------- */

struct sp_outbox {
  size_t bytes;
  char *buffers;
  MPI_Request *requests;
  size_t n;
};

/* Bytes that are allocated, as the C library counts them: before, and when the coordinator looks for its first message.
 * From then on it allocates nothing; MPI does, for messages that have come and were not taken yet. */
static double heap_before, heap_then;

static double heap_bytes(void) {
  const struct mallinfo2 info = mallinfo2();
  return (double)info.uordblks + (double)info.hblkhd;
}

static MPI_Comm kinds[4]; /* a communicator a kind of message: the tag is the rank that it is to or from */

sp_status sp_outbox_create(MPI_Comm comm, int tag, size_t n, size_t bytes, sp_outbox **out) {
  sp_outbox *box = NULL;
  SP_TRY(sp_calloc(1, sizeof *box, "an outbox", &box));
  box->n = n;
  box->bytes = sp_aligned(bytes);
  SP_TRY(sp_calloc(n, sizeof(MPI_Request), "an outbox", &box->requests));
  for (size_t i = 0; i < n; i++) box->requests[i] = MPI_REQUEST_NULL;
  SP_TRY(sp_calloc(n, box->bytes, "an outbox", &box->buffers));
  *out = box;
  return SP_SUCCESS;
}

void sp_outbox_destroy(sp_outbox *box) {
  if (!box) return;
  for (size_t i = 0; i < box->n; i++) MPI_Wait(&box->requests[i], MPI_STATUS_IGNORE);
  sp_free(box->requests);
  sp_free(box->buffers);
  sp_free(box);
}

bool sp_outbox_is_free(sp_outbox *box, size_t i) {
  int done = 1;
  MPI_Test(&box->requests[i], &done, MPI_STATUS_IGNORE);
  return done;
}

void *sp_outbox_buffer(sp_outbox *box, size_t i) {
  return box->buffers + i * box->bytes;
}

sp_status sp_outbox_send(sp_outbox *box, size_t i, size_t bytes, int rank) {
  return SP_MPI(MPI_Isend(sp_outbox_buffer(box, i), sp_mpi_count(bytes), MPI_BYTE, OTHER, rank, kinds[SP_TAG_DEAL - 1],
                          &box->requests[i]));
}

sp_status sp_message_poll(MPI_Comm comm, int source, int tag, void *buffer, size_t bytes, int *from) {
  MPI_Message message;
  MPI_Status state;
  int found = 0;
  if (heap_then == 0) heap_then = heap_bytes();
  *from = -1;
  SP_TRY(SP_MPI(MPI_Improbe(OTHER, MPI_ANY_TAG, kinds[tag - 1], &found, &message, &state)));
  if (!found) return SP_SUCCESS;
  SP_TRY(SP_MPI(MPI_Mrecv(buffer, sp_mpi_count(bytes), MPI_BYTE, &message, &state)));
  *from = state.MPI_TAG;
  return SP_SUCCESS;
}

sp_status sp_pass_stop_on(sp_run_context *run) {
  return SP_SUCCESS;
}

/* --- a flow of equal units -------------------------------------------------------------------------------------- */

static uint64_t *work_before;
static sp_dealer *dealer;

static void get_phase(const sp_flow_plan *plan, uint32_t phase, sp_phase *out) {
  *out = (sp_phase){.name = "units", .n_units = plan->shape.n_units, .sync_s = 1e30};
}

static uint64_t work_of(const sp_flow_plan *plan, uint64_t unit) {
  return 1;
}

static void describe(const sp_flow_plan *plan, uint64_t unit, char *text, size_t size) {
  snprintf(text, size, "unit %llu", (unsigned long long)unit);
}

static sp_status begin_phase(sp_flow_plan *plan, uint32_t phase, const uint8_t *done, int n_teams, void *payload,
                             uint32_t *payload_bytes) {
  const sp_deal_config config = {.n_workers = n_teams,
                                 .n_units = plan->shape.n_units,
                                 .max_work = UNITS_A_RANGE,
                                 .max_units = UNITS_A_RANGE,
                                 .min_work = UNITS_A_RANGE};
  return sp_dealer_create(&config, work_before, done, &dealer);
}

static sp_unit_run deal(sp_flow_plan *plan, int team, const double *speed) {
  return sp_dealer_next(dealer, team, speed);
}

static void fill(const sp_flow_plan *plan, sp_task *task, void *payload) {
  task->work = task->n_traces = task->n_units;
  task->payload_bytes = (uint32_t)((task->n_units + 1) * sizeof(uint32_t));
  memset(payload, 0, task->payload_bytes);
}

static const sp_flow flow = {.name = "bench",
                             .figures = &sp_gather_figures,
                             .repeats = true,
                             .phase = get_phase,
                             .work = work_of,
                             .describe = describe,
                             .begin_phase = begin_phase,
                             .deal = deal,
                             .fill = fill};

/* --- the pretended ranks ---------------------------------------------------------------------------------------- */

/* Answers every task at once, the reports and the durable messages of several tasks mixed. */
static void pretend(void) {
  enum { N_BUFFERS = 256 };
  static char in[MOST_MESSAGE], out[N_BUFFERS][2][MOST_MESSAGE];
  static MPI_Request requests[N_BUFFERS][2];
  for (int i = 0; i < N_BUFFERS; i++) requests[i][0] = requests[i][1] = MPI_REQUEST_NULL;
  for (uint64_t n = 0;; n++) {
    MPI_Status state;
    MPI_Recv(in, sizeof in, MPI_BYTE, 0, MPI_ANY_TAG, kinds[SP_TAG_DEAL - 1], &state);
    int bytes;
    MPI_Get_count(&state, MPI_BYTE, &bytes);
    if (bytes == 1) break;
    if (bytes == sizeof(sp_io_message)) continue;
    const sp_deal_message *m = (const sp_deal_message *)in;
    if (m->kind != SP_DEAL_TASK) continue;
    const int i = (int)(n % N_BUFFERS);
    MPI_Waitall(2, requests[i], MPI_STATUSES_IGNORE);
    sp_report_message *report = (sp_report_message *)out[i][0];
    *report = (sp_report_message){.n_slots = 1,
                                  .task = m->task.id,
                                  .compute_s = 1e-3 * (1 + (double)(n % 7)),
                                  .reads_together = m->round != 0,
                                  .engine = "cpu"};
    sp_durable_message *durable = (sp_durable_message *)out[i][1];
    *durable = (sp_durable_message){.task = m->task.id, .first_unit = m->task.first_unit, .n_units = m->task.n_units};
    memset(durable + 1, 0, m->task.n_units * sp_gather_figures.bytes);
    for (int k = 0; k < 2; k++) {
      const bool second = (k == 1) != (n % 3 == 0);
      const size_t size = second ? sizeof *durable + m->task.n_units * sp_gather_figures.bytes : sizeof *report;
      MPI_Isend(out[i][second], (int)size, MPI_BYTE, 0, state.MPI_TAG,
                kinds[(second ? SP_TAG_DURABLE : SP_TAG_REPORT) - 1], &requests[i][second]);
    }
  }
  for (int i = 0; i < N_BUFFERS; i++) MPI_Waitall(2, requests[i], MPI_STATUSES_IGNORE);
}

/* --- the coordinator -------------------------------------------------------------------------------------------- */

static double thread_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void make_roles(sp_roles *roles, int n_workers) {
  const int n_io = (n_workers + WORKERS_A_NODE - 1) / WORKERS_A_NODE;
  *roles = (sp_roles){.world = {.comm = MPI_COMM_SELF, .size = 1 + n_io + n_workers},
                      .n_nodes = n_io,
                      .n_io = n_io,
                      .n_workers = n_workers,
                      .n_teams = n_workers,
                      .team_size = 1};
  require(sp_calloc((size_t)roles->world.size, sizeof(sp_member), "roles", &roles->members));
  for (int r = 1; r < roles->world.size; r++) {
    const int node = (r - 1) / (WORKERS_A_NODE + 1), i = (r - 1) % (WORKERS_A_NODE + 1);
    roles->members[r] = (sp_member){.role = i ? SP_ROLE_WORKER : SP_ROLE_IO,
                                    .node = node,
                                    .node_rank = i,
                                    .index = i ? node * WORKERS_A_NODE + i - 1 : node,
                                    .io_rank = i ? r - i : -1};
  }
}

typedef struct cost {
  double us, mb;
} cost;

static cost coordinate(int n_workers, int ranges, bool together) {
  const uint64_t n_units = (uint64_t)n_workers * (uint64_t)ranges * UNITS_A_RANGE;
  const sp_job job = {.input = (char *)(uintptr_t) "/dev/null", .settings = {.max_time = NAN}};
  const sp_run_options options = {.quiet = true, .no_commit = true};
  sp_roles roles;
  sp_run_context run = {
      .job = &job, .options = &options, .roles = &roles, .history_path = (char *)(uintptr_t) "/nonexistent/x"};
  make_roles(&roles, n_workers);
  run.transfer.reads_together = together;
  run.plan = (sp_flow_plan){.flow = &flow,
                            .job = &job,
                            .shape = {.unit = "unit",
                                      .n_units = n_units,
                                      .n_phases = 1,
                                      .team = 1,
                                      .task_traces = UNITS_A_RANGE,
                                      .task_units = UNITS_A_RANGE,
                                      .total_work = n_units,
                                      .payload_bytes = (UNITS_A_RANGE + 1) * sizeof(uint32_t),
                                      .window = {.n_slots = 3, .max_units = UNITS_A_RANGE}}};
  sp_coordinator_state start = {0};
  require(sp_file_identify("/dev/null", &start.plan.header.input));
  require(sp_calloc(n_units + 1, 1, "units", &start.done));
  require(sp_calloc(n_units + 1, sp_gather_figures.bytes, "figures", &start.figures));
  require(sp_calloc(n_units + 1, sizeof *work_before, "units", &work_before));
  for (uint64_t u = 0; u <= n_units; u++) work_before[u] = u;
  char inflight[] = "/tmp/seisproc-bench-XXXXXX";
  close(mkstemp(inflight));
  require(sp_inflight_create(inflight, "unit", NULL, 0, &start.inflight));

  heap_before = heap_bytes();
  heap_then = 0;
  const double before = thread_seconds();
  require(sp_coordinate(&run, &start));
  const double seconds = thread_seconds() - before;
  unlink(inflight);
  if (start.n_done != n_units) {
    fprintf(stderr, "%llu of %llu units were done\n", (unsigned long long)start.n_done, (unsigned long long)n_units);
    exit(1);
  }
  return (cost){.us = 1e6 * seconds / (n_workers * (double)ranges), .mb = 1e-6 * (heap_then - heap_before)};
}

static void print(int n_workers, int ranges, bool together) {
  const cost all = coordinate(n_workers, ranges, together);
  const cost tenth = coordinate(n_workers / 10, ranges, together);
  printf("%-34s %7d workers: %6.2f us a range, %6.2f MB; a tenth of them: %6.2f us, %6.2f MB\n",
         together ? "dealt to in groups of a node" : "dealt to each by itself", n_workers, all.us, all.mb, tenth.us,
         tenth.mb);
}

int main(int argc, char **argv) {
  const int n_workers = argc > 1 ? atoi(argv[1]) : 10000, ranges = argc > 2 ? atoi(argv[2]) : 20;
  if (!sp_comm_launched()) {
    make_room_for_messages();
    start_under_mpirun((char[]){"2"}, argc, argv);
    return 1;
  }
  require(sp_comm_start(&argc, &argv));
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (int k = 0; k < 4; k++) MPI_Comm_dup(MPI_COMM_WORLD, &kinds[k]);
  require_right(size == 2 && n_workers >= 10, "two processes and ten workers are needed");
  if (rank == 0) {
    char end = 0;
    print(n_workers, ranges, false);
    print(n_workers, ranges, true);
    MPI_Send(&end, 1, MPI_BYTE, OTHER, 0, kinds[SP_TAG_DEAL - 1]);
  } else {
    pretend();
  }
  sp_comm_finish();
  return 0;
}
