/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/synth/geometry.h"

#include <math.h>

/* m */
enum {
  ORIGIN_X = 500000,
  ORIGIN_Y = 4000000,
  SOURCE_SPACING = 50,
  SOURCE_LINE_SPACING = 200,
  STATION_SPACING = 25,
  RECEIVER_LINE_SPACING = 100,
  SOURCE_SHIFT_X = 12, /* sources stand between stations, so that no offset is 0 */
  SOURCE_SHIFT_Y = 40,
  BIN_X = 25,
  BIN_Y = 50
};

/* Lines are spaced four times as wide as stations, and a patch is three times as long as it is wide. */
static sp_local receiver_lines(sp_local n_traces) {
  const sp_local lines = (sp_local)sqrt(n_traces / 12.0);
  return lines ? lines : 1;
}

static sp_local stations_a_line(sp_local n_traces) {
  const sp_local lines = receiver_lines(n_traces);
  return (n_traces + lines - 1) / lines;
}

sp_grid sp_grid_create(const sp_gather_index *index) {
  const sp_local half_lines = receiver_lines(index->max_traces) / 2 + 1;
  const sp_local half_stations = stations_a_line(index->max_traces) / 2 + 1;
  sp_grid grid = {.sources_a_line = (sp_global)ceil(sqrt((double)index->n_gathers))};
  const int64_t margin_x = (int64_t)half_stations * STATION_SPACING;
  grid.first_x = ORIGIN_X - margin_x;
  grid.first_y = ORIGIN_Y - (int64_t)half_lines * RECEIVER_LINE_SPACING;
  grid.bins_x = ((int64_t)grid.sources_a_line * SOURCE_SPACING + 2 * margin_x) / BIN_X + 1;
  return grid;
}

void sp_grid_centre(const sp_grid *grid, sp_global n_gathers, double centre[2]) {
  const sp_global rows = (n_gathers + grid->sources_a_line - 1) / grid->sources_a_line;
  centre[0] = ORIGIN_X + 0.5 * SOURCE_SPACING * (double)(grid->sources_a_line - 1);
  centre[1] = ORIGIN_Y + 0.5 * SOURCE_LINE_SPACING * (double)(rows - 1);
}

sp_patch sp_grid_patch(const sp_grid *grid, sp_global gather, sp_local n_traces) {
  const int64_t column = (int64_t)(gather % grid->sources_a_line), row = (int64_t)(gather / grid->sources_a_line);
  const int64_t x = ORIGIN_X + column * SOURCE_SPACING, y = ORIGIN_Y + row * SOURCE_LINE_SPACING;
  const sp_local stations = stations_a_line(n_traces);
  return (sp_patch){.source_x = x + SOURCE_SHIFT_X,
                    .source_y = y + SOURCE_SHIFT_Y,
                    .receiver_x = x - (int64_t)(stations / 2) * STATION_SPACING,
                    .receiver_y = y - (int64_t)(receiver_lines(n_traces) / 2) * RECEIVER_LINE_SPACING,
                    .stations = stations};
}

sp_trace_place sp_patch_trace(const sp_patch *patch, sp_local i) {
  sp_trace_place place = {.source_x = patch->source_x,
                          .source_y = patch->source_y,
                          .receiver_x = patch->receiver_x + (int64_t)(i % patch->stations) * STATION_SPACING,
                          .receiver_y = patch->receiver_y + (int64_t)(i / patch->stations) * RECEIVER_LINE_SPACING};
  const double dx = (double)(place.receiver_x - place.source_x), dy = (double)(place.receiver_y - place.source_y);
  place.offset = sqrt(dx * dx + dy * dy);
  place.middle_x = (double)place.source_x + dx / 2;
  place.middle_y = (double)place.source_y + dy / 2;
  return place;
}

void sp_grid_bin(const sp_grid *grid, const sp_trace_place *place, int64_t *in_line, int64_t *cross_line) {
  *cross_line = (int64_t)(place->middle_x - (double)grid->first_x) / BIN_X + 1;
  *in_line = (int64_t)(place->middle_y - (double)grid->first_y) / BIN_Y + 1;
}
