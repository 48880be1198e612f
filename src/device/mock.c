/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of the mock device: a thread each, with a queue of what it is to do. One lock for all; what is done is done
 * without it. Invariant: an operation is done after all that were queued before it on its stream, and after the events
 * that it waits for; once the device is broken, operations are dropped and events over. */
#include "src/device/mock.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/crash.h"
#include "src/base/timed_wait.h"

enum { ARGUMENT_BYTES = 512, QUEUE = 256 };

typedef enum operation_kind { OP_COPY, OP_CLEAR, OP_RECORD, OP_AFTER, OP_CALL, OP_DELIVER } operation_kind;

typedef struct mock_event {
  struct mock *device;
  uint64_t recorded, reached; /* how often; reached follows */
  double at;                  /* s, of the last time */
  bool dropped;               /* what it stands for was */
} mock_event;

typedef struct operation {
  operation_kind kind;
  void *to;
  const void *from;
  size_t bytes;
  bool to_host;
  mock_event *event;
  uint64_t count; /* of the event; of the delivery */
  void (*function)(void *);
  void *argument;
  char own[ARGUMENT_BYTES]; /* the argument, where it was copied */
} operation;

typedef struct mock_stream {
  struct mock *device;
  pthread_t thread;
  bool stop;
  operation queue[QUEUE]; /* a ring; who finds it full waits */
  unsigned first, n;
  uint64_t delivery; /* the one that the copies of now belong to; 0: none */
  bool flipped;
} mock_stream;

typedef struct mock {
  sp_device base;
  sp_mock_orders orders;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t n_deliveries;
  int n_busy; /* streams that have something to do */
  bool quiet; /* nobody waits for a time any more */
  bool broken;
} mock;

/* All bits set: a NaN. */
static void spoil(void *memory, size_t bytes) {
  if (memory) memset(memory, 0xff, bytes);
}

/* --- a stream's thread; under the lock, but not while it copies or computes -------------- */

/* Until the delivery's time has come, or, for one that is lost, for ever. */
static void delay(mock *m, uint64_t number) {
  const double seconds = sp_mock_seconds(&m->orders, number);
  const bool lost = number == (uint64_t)m->orders.lose;
  const struct timespec time = sp_time_after(seconds);
  int timed_out = seconds == 0;
  while (!m->quiet && (lost || !timed_out)) {
    timed_out = lost ? pthread_cond_wait(&m->changed, &m->lock) : pthread_cond_timedwait(&m->changed, &m->lock, &time);
  }
  m->broken = m->broken || lost;
}

static void deliver_now(mock_stream *s, uint64_t number) {
  mock *m = s->device;
  delay(m, number);
  if (number == (uint64_t)m->orders.fail_wait) {
    m->broken = true;
    (void)SP_RAISE(SP_ERR_DEVICE, "mock device: delivery %llu failed, as ordered", (unsigned long long)number);
  }
  s->delivery = number;
  s->flipped = false;
}

static void copy_now(mock_stream *s, const operation *o) {
  memcpy(o->to, o->from, o->bytes);
  if (!o->to_host || s->flipped || s->delivery == 0 || s->delivery != (uint64_t)s->device->orders.flip) return;
  ((unsigned char *)o->to)[o->bytes / 2] ^= 1;
  s->flipped = true;
}

/* What moves or computes. */
static void work_now(mock_stream *s, operation *o) {
  pthread_mutex_unlock(&s->device->lock);
  if (o->kind == OP_COPY) copy_now(s, o);
  if (o->kind == OP_CLEAR) memset(o->to, 0, o->bytes);
  sp_crash_computing(true); /* as where the CPU computes */
  if (o->kind == OP_CALL) o->function(o->argument ? o->argument : o->own);
  sp_crash_computing(false);
  pthread_mutex_lock(&s->device->lock);
}

static void do_operation(mock_stream *s, operation *o) {
  mock *m = s->device;
  if (o->kind == OP_RECORD) {
    o->event->reached = o->count;
    o->event->at = sp_now();
    o->event->dropped = m->broken;
  } else if (o->kind == OP_AFTER) {
    while (!m->broken && o->event->reached < o->count) pthread_cond_wait(&m->changed, &m->lock);
  } else if (!m->broken && o->kind == OP_DELIVER) {
    deliver_now(s, o->count);
  } else if (!m->broken) {
    work_now(s, o);
  }
}

static void *run(void *argument) {
  mock_stream *s = argument;
  mock *m = s->device;
  pthread_mutex_lock(&m->lock);
  while (!s->stop || s->n > 0) {
    if (s->n == 0) {
      pthread_cond_wait(&m->changed, &m->lock);
      continue;
    }
    do_operation(s, &s->queue[s->first % QUEUE]);
    s->first++;
    s->n--;
    m->n_busy -= s->n == 0;
    pthread_cond_broadcast(&m->changed);
  }
  pthread_mutex_unlock(&m->lock);
  return NULL;
}

/* --- queueing -------------- */

static sp_status queue(mock_stream *s, const operation *what) {
  mock *m = s->device;
  pthread_mutex_lock(&m->lock);
  while (!m->broken && s->n == QUEUE) pthread_cond_wait(&m->changed, &m->lock);
  const bool broken = m->broken;
  if (!broken) {
    operation *o = &s->queue[(s->first + s->n) % QUEUE];
    *o = *what;
    if (o->kind == OP_RECORD) o->count = ++o->event->recorded;
    if (o->kind == OP_AFTER) o->count = o->event->recorded;
    m->n_busy += s->n++ == 0;
    pthread_cond_broadcast(&m->changed);
  }
  pthread_mutex_unlock(&m->lock);
  return broken ? SP_ERR_DEVICE : SP_SUCCESS;
}

static sp_status copy(sp_stream stream, void *to, const void *from, size_t bytes, sp_direction direction) {
  const operation o = {.kind = OP_COPY, .to = to, .from = from, .bytes = bytes, .to_host = direction == SP_TO_HOST};
  return bytes ? queue(stream, &o) : SP_SUCCESS;
}

static sp_status clear(sp_stream stream, void *memory, size_t bytes) {
  return queue(stream, &(operation){.kind = OP_CLEAR, .to = memory, .bytes = bytes});
}

static sp_status record(sp_event event, sp_stream stream) {
  return queue(stream, &(operation){.kind = OP_RECORD, .event = event});
}

static sp_status after(sp_stream stream, sp_event event) {
  return queue(stream, &(operation){.kind = OP_AFTER, .event = event});
}

static sp_status call(sp_stream stream, void (*function)(void *argument), void *argument) {
  return queue(stream, &(operation){.kind = OP_CALL, .function = function, .argument = argument});
}

sp_status sp_mock_launch(sp_stream stream, void (*function)(void *argument), const void *argument, size_t bytes) {
  operation o = {.kind = OP_CALL, .function = function};
  if (bytes > sizeof o.own) return SP_RAISE(SP_ERR_INTERNAL, "mock device: an argument of %zu bytes", bytes);
  memcpy(o.own, argument, bytes);
  return queue(stream, &o);
}

static sp_status deliver(sp_stream stream) {
  mock *m = ((mock_stream *)stream)->device;
  pthread_mutex_lock(&m->lock);
  const uint64_t number = ++m->n_deliveries;
  const bool fails = number == (uint64_t)m->orders.fail_submit && !m->broken;
  m->broken = m->broken || fails;
  pthread_cond_broadcast(&m->changed);
  pthread_mutex_unlock(&m->lock);
  if (fails) {
    return SP_RAISE(SP_ERR_DEVICE, "mock device: delivery %llu cannot be queued, as ordered",
                    (unsigned long long)number);
  }
  return queue(stream, &(operation){.kind = OP_DELIVER, .count = number});
}

/* --- waiting -------------- */

static sp_status query(sp_event event, bool *over) {
  mock_event *e = event;
  pthread_mutex_lock(&e->device->lock);
  *over = e->reached >= e->recorded;
  const bool dropped = *over ? e->dropped : e->device->broken;
  pthread_mutex_unlock(&e->device->lock);
  return dropped ? SP_ERR_DEVICE : SP_SUCCESS;
}

static sp_status wait(sp_event event) {
  mock_event *e = event;
  mock *m = e->device;
  pthread_mutex_lock(&m->lock);
  while (!m->broken && e->reached < e->recorded) pthread_cond_wait(&m->changed, &m->lock);
  const bool dropped = e->reached < e->recorded || e->dropped;
  pthread_mutex_unlock(&m->lock);
  return dropped ? SP_ERR_DEVICE : SP_SUCCESS;
}

static sp_status elapsed(sp_event from, sp_event to, double *seconds) {
  *seconds = ((mock_event *)to)->at - ((mock_event *)from)->at;
  return SP_SUCCESS;
}

sp_status sp_mock_finish(sp_stream stream) {
  mock_stream *s = stream;
  pthread_mutex_lock(&s->device->lock);
  while (s->n > 0) pthread_cond_wait(&s->device->changed, &s->device->lock);
  const bool broken = s->device->broken;
  pthread_mutex_unlock(&s->device->lock);
  return broken ? SP_ERR_DEVICE : SP_SUCCESS;
}

static void quiesce(sp_device *device) {
  mock *m = (mock *)device;
  pthread_mutex_lock(&m->lock);
  m->quiet = true;
  pthread_cond_broadcast(&m->changed);
  while (m->n_busy > 0) pthread_cond_wait(&m->changed, &m->lock);
  m->quiet = false;
  pthread_mutex_unlock(&m->lock);
}

/* --- making and unmaking -------------- */

static void init_sync(mock *m) {
  sp_cond_init(&m->changed);
  pthread_mutex_init(&m->lock, NULL);
}

static void close_device(sp_device *device) {
  mock *m = (mock *)device;
  if (!m) return;
  pthread_cond_destroy(&m->changed);
  pthread_mutex_destroy(&m->lock);
  sp_free(m);
}

static sp_status open_device(int number, sp_device **out) {
  sp_mock_orders orders;
  void *block = NULL;
  SP_TRY(sp_mock_orders_read(&orders));
  if (orders.fail_create) return SP_RAISE(SP_ERR_DEVICE, "mock device: there is none, as ordered");
  SP_TRY(sp_calloc(1, sizeof(mock), "the mock device", &block));
  mock *m = block;
  m->base = (sp_device){.ops = &sp_mock_device, .number = number};
  m->orders = orders;
  init_sync(m);
  *out = &m->base;
  return SP_SUCCESS;
}

const sp_mock_orders *sp_mock_orders_of(const sp_device *device) {
  return &((const mock *)device)->orders;
}

static sp_status bind(sp_device *device) {
  mock *m = (mock *)device;
  pthread_mutex_lock(&m->lock);
  const bool broken = m->broken;
  pthread_mutex_unlock(&m->lock);
  return broken ? SP_ERR_DEVICE : SP_SUCCESS;
}

static sp_status free_bytes(sp_device *device, size_t *out) {
  *out = (size_t)8 << 30;
  return SP_SUCCESS;
}

static sp_status alloc_memory(sp_device *device, size_t bytes, void **out) {
  void *block = NULL;
  SP_TRY(sp_alloc(bytes, "memory of the mock device", &block));
  spoil(block, bytes);
  *out = block;
  return SP_SUCCESS;
}

static void release(sp_device *device, void *memory) {
  sp_free(memory);
}

static const char *pin(sp_device *device, void *memory, size_t bytes) {
  return NULL;
}

static void unpin(sp_device *device, void *memory) {}

static sp_status create_stream(sp_device *device, sp_stream *out) {
  void *block = NULL;
  SP_TRY(sp_calloc(1, sizeof(mock_stream), "a stream of the mock device", &block));
  mock_stream *s = block;
  s->device = (mock *)device;
  sigset_t all, before; /* signals are for the caller's thread */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&s->thread, NULL, run, s);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error) {
    sp_free(s);
    return SP_RAISE(SP_ERR_MEMORY, "mock device: cannot start a thread");
  }
  pthread_setname_np(s->thread, "sp-mock-stream");
  *out = s;
  return SP_SUCCESS;
}

static void destroy_stream(sp_device *device, sp_stream stream) {
  mock_stream *s = stream;
  if (!s) return;
  pthread_mutex_lock(&s->device->lock);
  s->stop = true;
  pthread_cond_broadcast(&s->device->changed);
  pthread_mutex_unlock(&s->device->lock);
  pthread_join(s->thread, NULL);
  sp_free(s);
}

static sp_status create_event(sp_device *device, bool timed, sp_event *out) {
  void *block = NULL;
  SP_TRY(sp_calloc(1, sizeof(mock_event), "an event of the mock device", &block));
  ((mock_event *)block)->device = (mock *)device;
  *out = block;
  return SP_SUCCESS;
}

static void destroy_event(sp_device *device, sp_event event) {
  sp_free(event);
}

const sp_device_ops sp_mock_device = {.name = "mock",
                                      .open = open_device,
                                      .close = close_device,
                                      .bind = bind,
                                      .quiesce = quiesce,
                                      .free_bytes = free_bytes,
                                      .alloc = alloc_memory,
                                      .release = release,
                                      .alloc_pinned = alloc_memory,
                                      .release_pinned = release,
                                      .pin = pin,
                                      .unpin = unpin,
                                      .create_stream = create_stream,
                                      .destroy_stream = destroy_stream,
                                      .create_event = create_event,
                                      .destroy_event = destroy_event,
                                      .copy = copy,
                                      .clear = clear,
                                      .record = record,
                                      .after = after,
                                      .call = call,
                                      .query = query,
                                      .wait = wait,
                                      .elapsed = elapsed,
                                      .deliver = deliver,
                                      .spoil = spoil};
