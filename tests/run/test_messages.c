/* SPDX-License-Identifier: BSD-3-Clause */
/* The outbox: what is sent arrives once, whole and in order, whoever is slow; a buffer is used again only when its
 * message has left. */
/* ranks: 1 2 3 5 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "seisproc/backoff.h"
#include "seisproc/dist.h"
#include "src/run/messages.h"

enum { TAG = 5, N_BUFFERS = 3, N_MESSAGES = 60, LARGEST = 200000 };

typedef struct message {
  int32_t from, number;
  uint32_t n_bytes;
} message;

/* Small ones, which MPI sends at once, and large ones, for which it waits for the receiver. */
static uint32_t size_of(int from, int number) {
  return (uint32_t)((unsigned)(number * 7919 + from * 104729) % (number % 5 ? 64u : LARGEST));
}

static void send_to(sp_outbox *box, int from, int to) {
  for (int number = 0; number < N_MESSAGES; number++) {
    const size_t i = (size_t)number % N_BUFFERS;
    sp_backoff backoff = {0};
    while (!sp_outbox_is_free(box, i)) sp_backoff_sleep(&backoff);
    message *m = sp_outbox_buffer(box, i);
    *m = (message){.from = from, .number = number, .n_bytes = size_of(from, number)};
    memset(m + 1, number, m->n_bytes);
    assert_int_equal(sp_outbox_send(box, i, sizeof *m + m->n_bytes, to), SP_SUCCESS);
  }
}

/* Returns whether one was there. */
static bool receive(message *m, int next[64], int senders) {
  int from;
  assert_int_equal(sp_message_poll(MPI_COMM_WORLD, MPI_ANY_SOURCE, TAG, m, sizeof *m + LARGEST, &from), SP_SUCCESS);
  if (from < 0) return false;
  assert_int_equal(m->from, from);
  assert_true(from < senders);
  assert_int_equal(m->number, next[from]++);
  assert_int_equal(m->n_bytes, size_of(from, m->number));
  const unsigned char *bytes = (const unsigned char *)(m + 1);
  for (uint32_t i = 0; i < m->n_bytes; i++) assert_int_equal(bytes[i], m->number);
  return true;
}

/* All ranks but the last send to it; it takes its time at first. */
static void a_slow_receiver_gets_all_in_order(void **state) {
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  message *m = malloc(sizeof *m + LARGEST);
  if (rank < size - 1) {
    sp_outbox *box = NULL;
    assert_int_equal(sp_outbox_create(MPI_COMM_WORLD, TAG, N_BUFFERS, sizeof *m + LARGEST, &box), SP_SUCCESS);
    send_to(box, rank, size - 1);
    sp_outbox_destroy(box); /* waits until all have left */
  } else {
    int next[64] = {0}, n = 0;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    for (sp_backoff backoff = {0}; n < (size - 1) * N_MESSAGES;) {
      if (receive(m, next, size - 1)) {
        n++;
        sp_backoff_reset(&backoff);
      } else {
        sp_backoff_sleep(&backoff);
      }
    }
    assert_false(receive(m, next, size - 1));
  }
  free(m);
  assert_int_equal(sp_quiet_barrier(MPI_COMM_WORLD), SP_SUCCESS); /* what comes next is another test's */
}

/* Two ranks that send to each other at once, and take what comes only in between, do not wait for each other. */
static void both_ways_at_once(void **state) {
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size < 2 || rank > 1) return;
  sp_outbox *box = NULL;
  message *m = malloc(sizeof *m + LARGEST);
  assert_int_equal(sp_outbox_create(MPI_COMM_WORLD, TAG, N_BUFFERS, sizeof *m + LARGEST, &box), SP_SUCCESS);
  int next[64] = {0}, sent = 0;
  sp_backoff backoff = {0};
  while (sent < N_MESSAGES || next[1 - rank] < N_MESSAGES) {
    const size_t i = (size_t)sent % N_BUFFERS;
    if (sent < N_MESSAGES && sp_outbox_is_free(box, i)) {
      message *out = sp_outbox_buffer(box, i);
      *out = (message){.from = rank, .number = sent, .n_bytes = size_of(rank, sent)};
      memset(out + 1, sent++, out->n_bytes);
      assert_int_equal(sp_outbox_send(box, i, sizeof *out + out->n_bytes, 1 - rank), SP_SUCCESS);
    } else if (!receive(m, next, 2)) {
      sp_backoff_sleep(&backoff);
    }
  }
  sp_outbox_destroy(box);
  free(m);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_slow_receiver_gets_all_in_order),
      cmocka_unit_test(both_ways_at_once),
  };
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  sp_comm_finish();
  return failed;
}
