/* The mock engine: host memory that behaves like a device, so that what hands slabs to an engine is tested where there
 * is no device. It computes what the CPU engine computes, but
 *   - in buffers of its own, poisoned with NaN before each slab, copied from and to as late as can be;
 *   - outputs are poisoned when a slab is submitted, its input when it is done: who looks too early or too late sees
 * it;
 *   - slabs complete late, and calls fail, as the environment variable SEISPROC_MOCK says. It holds key=value pairs,
 *     separated by commas, of the table below; "SEISPROC_MOCK=" alone makes a mock that never fails. Where it is set,
 *     the engine kind AUTO is the mock.
 * After a failure the device is gone: every call fails, silently, until the engine is destroyed.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/flow/gather/engine_ops.h"

typedef struct mock_orders {
  double delay; /* ms */
  int seed, fail_create, fail_submit, fail_wait, lose, flip;
} mock_orders;

#define NTH(name, text)                                                                                                \
  { #name, SP_PARAM_INT, "0", 0, 1e9, false, NULL, NULL, text, offsetof(mock_orders, name) }

static const sp_param order_table[] = {
    {"delay", SP_PARAM_REAL, "0", 0, 1e6, false, NULL, "ms", "a slab completes up to this late, at random",
     offsetof(mock_orders, delay)},
    {"seed", SP_PARAM_INT, "0", 0, 1e9, false, NULL, NULL, "of the delays", offsetof(mock_orders, seed)},
    NTH(fail_create, "not 0: there is no such device"),
    NTH(fail_submit, "the submission that fails; they count from 1, 0 is none"),
    NTH(fail_wait, "the slab that fails while it is computed"),
    NTH(lose, "the slab that never completes"),
    NTH(flip, "the slab of which one bit changes after its checksum was taken"),
    {0},
};

/* A slab in flight. */
typedef struct ticket {
  sp_slab *slab;
  int number; /* of the submission, from 1 */
  bool done, failed;
} ticket;

typedef struct mock_engine {
  sp_engine base;
  sp_engine_config config;
  mock_orders orders;
  sp_engine *cpu;
  float *in, *traces, *noise; /* "device" memory; [max_traces][n_samples] each */
  sp_gather_result *results;  /* [max_gathers] */
  int n_submitted;
  bool gone; /* the caller's thread has seen a failure */

  pthread_t device;
  bool started;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  ticket *tickets; /* [n_slabs], a ring */
  int oldest, n_tickets, n_begun;
  bool stop;
  bool broken; /* the device's thread has seen a failure */
} mock_engine;

/* --- what the environment orders -------------------------------------------------------------------------------- */

static sp_status read_order(char *pair, mock_orders *orders) {
  char why[SP_WHY_SIZE], *value = strchr(pair, '=');
  if (value) *value++ = '\0';
  const sp_param *param = value ? sp_param_find(order_table, pair) : NULL;
  if (!param) return SP_RAISE(SP_ERR_USAGE, "SEISPROC_MOCK: '%s' is none of its key=value pairs", pair);
  if (sp_param_parse(param, value, orders, why, sizeof why)) return SP_RAISE(SP_ERR_USAGE, "SEISPROC_MOCK: %s", why);
  return SP_SUCCESS;
}

static sp_status read_orders(mock_orders *orders) {
  sp_param_set_defaults(order_table, orders);
  const char *text = getenv("SEISPROC_MOCK");
  if (!text) return SP_SUCCESS;
  char *copy = NULL, *rest = NULL;
  SP_TRY(sp_strdup(text, &copy));
  sp_status status = SP_SUCCESS;
  for (char *pair = strtok_r(copy, ",", &rest); pair && status == SP_SUCCESS; pair = strtok_r(NULL, ",", &rest)) {
    status = read_order(pair, orders);
  }
  sp_free(copy);
  return status;
}

/* From 0 to 1, of the seed and the slab's number (splitmix64: Steele, Lea and Flood 2014). */
static double chance(const mock_engine *e, int number) {
  uint64_t z = ((uint64_t)e->orders.seed << 32) + (uint64_t)number * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* --- the device's thread ---------------------------------------------------------------------------------------- */

static size_t slab_bytes(const mock_engine *e, const sp_slab *slab) {
  return (size_t)slab->n_traces * e->config.n_samples * sizeof(float);
}

/* All bits set: a NaN. */
static void poison(float *samples, size_t bytes) {
  if (samples) memset(samples, 0xff, bytes);
}

/* Computes in device memory what `slab` asks for. */
static sp_status compute(mock_engine *e, const sp_slab *slab) {
  const size_t bytes = slab_bytes(e, slab);
  memcpy(e->in, slab->in, bytes);
  poison(e->traces, bytes);
  poison(e->noise, bytes);
  sp_slab on_device = *slab, *done;
  on_device.in = e->in;
  on_device.traces = e->traces;
  on_device.noise = e->noise;
  on_device.results = e->results;
  SP_TRY(sp_engine_submit(e->cpu, &on_device));
  return sp_engine_wait(e->cpu, &done);
}

static void copy_back(mock_engine *e, const ticket *t) {
  sp_slab *slab = t->slab;
  const size_t bytes = slab_bytes(e, slab);
  memcpy(slab->traces, e->traces, bytes);
  if (e->noise) memcpy(slab->noise, e->noise, bytes);
  memcpy(slab->results, e->results, slab->n_gathers * sizeof *slab->results);
  if (t->number == e->orders.flip && bytes > 0) ((unsigned char *)slab->traces)[bytes / 2] ^= 1;
  poison(slab->in, bytes);
}

static void add_ms(struct timespec *t, double ms) {
  const double seconds = (double)t->tv_sec + 1e-9 * (double)t->tv_nsec + 1e-3 * ms;
  t->tv_sec = (time_t)seconds;
  t->tv_nsec = (long)((seconds - (double)t->tv_sec) * 1e9);
}

/* Until the slab's time has come, or, for one that is lost, for ever; under the lock. */
static void delay(mock_engine *e, const ticket *t) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  add_ms(&until, e->orders.delay * chance(e, t->number));
  const bool lost = t->number == e->orders.lose;
  int timed_out = e->orders.delay == 0;
  while (!e->stop && (lost || !timed_out)) {
    timed_out = lost ? pthread_cond_wait(&e->changed, &e->lock) : pthread_cond_timedwait(&e->changed, &e->lock, &until);
  }
}

/* Takes one slab through; under the lock, but not while it computes or copies. */
static void serve(mock_engine *e, ticket *t) {
  e->n_begun++;
  pthread_mutex_unlock(&e->lock);
  const sp_status status = compute(e, t->slab);
  pthread_mutex_lock(&e->lock);
  delay(e, t);
  if (t->number == e->orders.lose) return;
  pthread_mutex_unlock(&e->lock);
  e->broken = e->broken || status != SP_SUCCESS || t->number == e->orders.fail_wait;
  if (!e->broken) copy_back(e, t);
  pthread_mutex_lock(&e->lock);
  t->failed = e->broken;
  t->done = true;
  pthread_cond_broadcast(&e->changed);
}

static void *device(void *argument) {
  mock_engine *e = argument;
  pthread_mutex_lock(&e->lock);
  for (;;) {
    if (e->n_begun < e->n_tickets) {
      serve(e, &e->tickets[(e->oldest + e->n_begun) % e->config.n_slabs]);
    } else if (e->stop) {
      break;
    } else {
      pthread_cond_wait(&e->changed, &e->lock);
    }
  }
  pthread_mutex_unlock(&e->lock);
  return NULL;
}

/* --- engine ----------------------------------------------------------------------------------------------------- */

static void destroy(sp_engine *base) {
  mock_engine *e = (mock_engine *)base;
  pthread_mutex_lock(&e->lock);
  e->stop = true;
  pthread_cond_broadcast(&e->changed);
  pthread_mutex_unlock(&e->lock);
  if (e->started) pthread_join(e->device, NULL);
  sp_engine_destroy(e->cpu);
  sp_free(e->tickets);
  sp_free(e->results);
  sp_free(e->noise);
  sp_free(e->traces);
  sp_free(e->in);
  pthread_cond_destroy(&e->changed);
  pthread_mutex_destroy(&e->lock);
  sp_free(e);
}

static sp_status create_buffer(const mock_engine *e, float **buffer) {
  void *block = NULL;
  const size_t bytes = (size_t)e->config.max_traces * e->config.n_samples * sizeof(float);
  SP_TRY(sp_alloc(bytes, "the mock device", &block));
  *buffer = block;
  poison(*buffer, bytes);
  return SP_SUCCESS;
}

static sp_status create_memory(mock_engine *e) {
  void *block = NULL;
  SP_TRY(create_buffer(e, &e->in));
  SP_TRY(create_buffer(e, &e->traces));
  if (e->config.mode == SP_MODE_BOTH) SP_TRY(create_buffer(e, &e->noise));
  SP_TRY(sp_calloc(e->config.max_gathers, sizeof *e->results, "the mock device", &block));
  e->results = block;
  SP_TRY(sp_calloc((size_t)e->config.n_slabs, sizeof *e->tickets, "the mock device", &block));
  e->tickets = block;
  return SP_SUCCESS;
}

static void init_sync(mock_engine *e) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&e->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  pthread_mutex_init(&e->lock, NULL);
}

static sp_status create(const sp_engine_config *config, sp_engine **out) {
  mock_orders orders = {0};
  SP_TRY(read_orders(&orders));
  if (orders.fail_create) return SP_RAISE(SP_ERR_DEVICE, "mock device: there is none, as ordered");
  void *block = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof(mock_engine), "the mock engine", &block));
  mock_engine *e = block;
  e->config = *config;
  e->orders = orders;
  init_sync(e);
  SP_TRY_GOTO(fail, create_memory(e));
  SP_TRY_GOTO(fail, sp_engine_create(SP_ENGINE_CPU, config, &e->cpu));
  if (pthread_create(&e->device, NULL, device, e)) {
    status = SP_RAISE(SP_ERR_MEMORY, "mock device: cannot start its thread");
    goto fail;
  }
  e->started = true;
  pthread_setname_np(e->device, "sp-mock-device");
  *out = &e->base;
  return SP_SUCCESS;
fail:
  destroy(&e->base);
  return status;
}

static sp_status submit(sp_engine *base, sp_slab *slab) {
  mock_engine *e = (mock_engine *)base;
  if (e->gone) return SP_ERR_DEVICE;
  if (++e->n_submitted == e->orders.fail_submit) {
    e->gone = true;
    return SP_RAISE(SP_ERR_DEVICE, "mock device: submission %d failed, as ordered", e->n_submitted);
  }
  poison(slab->traces, slab_bytes(e, slab));
  poison(slab->noise, slab_bytes(e, slab));
  memset(slab->results, 0xff, slab->n_gathers * sizeof *slab->results);
  pthread_mutex_lock(&e->lock);
  e->tickets[(e->oldest + e->n_tickets) % e->config.n_slabs] = (ticket){.slab = slab, .number = e->n_submitted};
  e->n_tickets++;
  pthread_cond_broadcast(&e->changed);
  pthread_mutex_unlock(&e->lock);
  return SP_SUCCESS;
}

/* The oldest slab, done; under the lock. */
static sp_status finish_oldest(mock_engine *e, sp_slab **done) {
  const ticket *t = &e->tickets[e->oldest];
  if (t->failed) {
    e->gone = true;
    return SP_RAISE(SP_ERR_DEVICE, "mock device: slab %d failed", t->number);
  }
  *done = t->slab;
  e->oldest = (e->oldest + 1) % e->config.n_slabs;
  e->n_tickets--;
  e->n_begun--;
  return SP_SUCCESS;
}

static sp_status test(sp_engine *base, sp_slab **done) {
  mock_engine *e = (mock_engine *)base;
  if (e->gone) return SP_ERR_DEVICE;
  sp_status status = SP_SUCCESS;
  pthread_mutex_lock(&e->lock);
  if (e->tickets[e->oldest].done) status = finish_oldest(e, done);
  pthread_mutex_unlock(&e->lock);
  return status;
}

static sp_status wait(sp_engine *base, sp_slab **done) {
  mock_engine *e = (mock_engine *)base;
  if (e->gone) return SP_ERR_DEVICE;
  pthread_mutex_lock(&e->lock);
  while (!e->tickets[e->oldest].done) pthread_cond_wait(&e->changed, &e->lock);
  const sp_status status = finish_oldest(e, done);
  pthread_mutex_unlock(&e->lock);
  return status;
}

static double busy_seconds(const sp_engine *base) {
  return sp_engine_busy_seconds(((const mock_engine *)base)->cpu);
}

extern const sp_engine_ops sp_engine_mock;
const sp_engine_ops sp_engine_mock = {create, submit, test, wait, busy_seconds, destroy, NULL};
