/* SPDX-License-Identifier: BSD-3-Clause */
/* What the environment orders of a mock device. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/param.h"
#include "src/device/mock.h"

#define ORDER(name, value, text)                                                                                       \
  { #name, SP_PARAM_INT, value, 0, 1e9, false, NULL, NULL, text, offsetof(sp_mock_orders, name) }

static const sp_param order_table[] = {
    {"delay", SP_PARAM_REAL, "0", 0, 1e6, false, NULL, "ms", "a delivery comes up to this late, at random",
     offsetof(sp_mock_orders, delay)},
    {"take", SP_PARAM_REAL, "0", 0, 1e6, false, NULL, "ms", "every delivery takes so long besides",
     offsetof(sp_mock_orders, take)},
    ORDER(hiccup, "0",
          "one delivery in so many, at random, others in each process, takes five times as long; 0 is none"),
    ORDER(seed, "0", "of the delays"),
    ORDER(fail_create, "0", "not 0: there is no such device"),
    ORDER(fail_submit, "0", "the delivery that cannot be queued; they count from 1, 0 is none"),
    ORDER(fail_wait, "0", "the delivery during which the device fails"),
    ORDER(lose, "0", "the delivery that never comes"),
    ORDER(flip, "0", "the delivery of which one bit changes on its way"),
    ORDER(fail_exchange, "0", "the exchange of a group that fails on the first member"),
    ORDER(swap_exchange, "0", "the exchange before which the last member leaves one out"),
    ORDER(devices, "8", "there are so many"),
    ORDER(small, "0", "not 0: it has no room for a second set of an image's sums"),
    ORDER(lacks, "0", "steps of the chain that have no kernel: 1 the first, 2 the second, 4 the third, or their sum"),
    {0},
};

static sp_status read_order(char *pair, sp_mock_orders *orders) {
  char why[SP_WHY_SIZE], *value = strchr(pair, '=');
  if (value) *value++ = '\0';
  const sp_param *param = value ? sp_param_find(order_table, pair) : NULL;
  if (!param) return SP_RAISE(SP_ERR_USAGE, "SEISPROC_MOCK: '%s' is none of its key=value pairs", pair);
  if (sp_param_parse(param, value, orders, why, sizeof why)) return SP_RAISE(SP_ERR_USAGE, "SEISPROC_MOCK: %s", why);
  return SP_SUCCESS;
}

sp_status sp_mock_orders_read(sp_mock_orders *out) {
  sp_mock_orders orders = {0};
  sp_param_set_defaults(order_table, &orders);
  const char *text = getenv("SEISPROC_MOCK");
  char *copy = NULL, *rest = NULL;
  SP_TRY(sp_strdup(text ? text : "", &copy));
  sp_status status = SP_SUCCESS;
  for (char *pair = strtok_r(copy, ",", &rest); pair && status == SP_SUCCESS; pair = strtok_r(NULL, ",", &rest)) {
    status = read_order(pair, &orders);
  }
  sp_free(copy);
  if (status == SP_SUCCESS) *out = orders;
  return status;
}

/* splitmix64: Steele, Lea and Flood 2014 */
double sp_mock_chance(const sp_mock_orders *orders, uint64_t number) {
  uint64_t z = ((uint64_t)orders->seed << 32) + number * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

double sp_mock_seconds(const sp_mock_orders *orders, uint64_t number) {
  const uint64_t own = ((uint64_t)getpid() << 24) + number;
  const bool hiccups = orders->hiccup && sp_mock_chance(orders, own) * (double)orders->hiccup < 1;
  return 1e-3 * (orders->take * (hiccups ? 5 : 1) + orders->delay * sp_mock_chance(orders, number));
}
