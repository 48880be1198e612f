/* SPDX-License-Identifier: BSD-3-Clause */
/* Bilinear where the positions are all crossings of some x with some y; else linear in the triangles of Delaunay, made
 * by adding one position after the other (Bowyer 1981, Watson 1981). Outside, the value at the nearest point of the
 * edge. */
#include "kernels/pstm/velocity_plane.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"

typedef struct triangle {
  uint32_t corner[3]; /* anticlockwise */
  double centre[2], radius_2;
} triangle;

typedef struct edge {
  uint32_t from, to;
} edge;

struct sp_plane {
  uint32_t n;
  double (*position)[2]; /* [n], and three corners of a triangle around all while the others are added */
  uint32_t n_x, n_y;     /* above 0: a grid */
  double *x, *y;         /* its lines, ascending */
  uint32_t *at;          /* [n_y][n_x]: the position there */
  uint32_t n_triangles, n_edges;
  triangle *triangles;
  edge *edges; /* that one triangle has; where there are no triangles, from each position to the next along a line */
};

/* --- a grid ------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Distinct values of a coordinate, sorted. */
static uint32_t distinct(const sp_plane *p, int axis, double *values) {
  for (uint32_t i = 0; i < p->n; i++) values[i] = p->position[i][axis];
  qsort(values, p->n, sizeof *values, ascending);
  uint32_t n = 1;
  for (uint32_t i = 1; i < p->n; i++) {
    if (values[i] > values[n - 1]) values[n++] = values[i];
  }
  return n;
}

static uint32_t find(const double *values, uint32_t n, double value) {
  const double *at = bsearch(&value, values, n, sizeof *values, ascending);
  return (uint32_t)(at - values);
}

static sp_status make_grid(sp_plane *p) {
  SP_TRY(sp_alloc(p->n * sizeof(double), "positions of velocities", &p->x));
  SP_TRY(sp_alloc(p->n * sizeof(double), "positions of velocities", &p->y));
  SP_TRY(sp_alloc(p->n * sizeof(uint32_t), "positions of velocities", &p->at));
  const uint32_t n_x = distinct(p, 0, p->x), n_y = distinct(p, 1, p->y);
  if ((uint64_t)n_x * n_y != p->n) return SP_SUCCESS;
  for (uint32_t i = 0; i < p->n; i++) {
    p->at[find(p->y, n_y, p->position[i][1]) * n_x + find(p->x, n_x, p->position[i][0])] = i;
  }
  p->n_x = n_x, p->n_y = n_y;
  return SP_SUCCESS;
}

/* The interval that a value lies in, and how far it is along. */
static uint32_t interval(const double *values, uint32_t n, double value, double *along) {
  uint32_t low = 0, high = n - 1;
  while (high - low > 1 && low < high) {
    const uint32_t middle = (low + high) / 2;
    if (values[middle] <= value)
      low = middle;
    else
      high = middle;
  }
  *along = n == 1 ? 0 : fmin(fmax((value - values[low]) / (values[high] - values[low]), 0), 1);
  return low;
}

static void grid_at(const sp_plane *p, const double point[2], sp_plane_weights *w) {
  double fx, fy;
  const uint32_t ix = interval(p->x, p->n_x, point[0], &fx), iy = interval(p->y, p->n_y, point[1], &fy);
  w->n = 0;
  for (uint32_t j = 0; j < 2; j++) {
    for (uint32_t i = 0; i < 2; i++) {
      const double weight = (i ? fx : 1 - fx) * (j ? fy : 1 - fy);
      if (!(weight > 0)) continue;
      w->position[w->n] = p->at[(iy + j) * p->n_x + ix + i];
      w->weight[w->n++] = weight;
    }
  }
}

/* --- triangles ---------------------------------------------------------------------------------------------------- */

/* Twice the area of a, b, c: positive where they turn anticlockwise. */
static double turn(const double a[2], const double b[2], const double c[2]) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/* A triangle with its circle; false where its corners lie on a line. */
static bool make_triangle(const sp_plane *p, uint32_t a, uint32_t b, uint32_t c, triangle *t) {
  const double *o = p->position[a], *u = p->position[b], *v = p->position[c];
  const double area = turn(o, u, v);
  if (area == 0) return false;
  *t = (triangle){{a, area > 0 ? b : c, area > 0 ? c : b}, {0, 0}, 0};
  const double ux = u[0] - o[0], uy = u[1] - o[1], vx = v[0] - o[0], vy = v[1] - o[1];
  const double u2 = ux * ux + uy * uy, v2 = vx * vx + vy * vy;
  const double x = (vy * u2 - uy * v2) / (2 * area), y = (ux * v2 - vx * u2) / (2 * area);
  t->centre[0] = o[0] + x;
  t->centre[1] = o[1] + y;
  t->radius_2 = x * x + y * y;
  return true;
}

static int by_ends(const void *a, const void *b) {
  const edge *x = a, *y = b;
  if (x->from != y->from) return x->from < y->from ? -1 : 1;
  return (x->to > y->to) - (x->to < y->to);
}

/* Keeps the edges that are there once, whichever way they run; returns how many. */
static uint32_t keep_single(edge *edges, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (edges[i].from > edges[i].to) edges[i] = (edge){edges[i].to, edges[i].from};
  }
  qsort(edges, n, sizeof *edges, by_ends);
  uint32_t kept = 0;
  for (uint32_t i = 0, next; i < n; i = next) {
    for (next = i + 1; next < n && !by_ends(&edges[i], &edges[next]); next++) {
    }
    if (next == i + 1) edges[kept++] = edges[i];
  }
  return kept;
}

static void add_position(sp_plane *p, uint32_t i, edge *work) {
  uint32_t n_edges = 0, kept = 0;
  for (uint32_t k = 0; k < p->n_triangles; k++) {
    const triangle *t = &p->triangles[k];
    const double x = p->position[i][0] - t->centre[0], y = p->position[i][1] - t->centre[1];
    if (x * x + y * y < t->radius_2 * (1 + 1e-12)) {
      for (int c = 0; c < 3; c++) work[n_edges++] = (edge){t->corner[c], t->corner[(c + 1) % 3]};
    } else {
      p->triangles[kept++] = *t;
    }
  }
  n_edges = keep_single(work, n_edges);
  p->n_triangles = kept;
  for (uint32_t e = 0; e < n_edges; e++) {
    if (make_triangle(p, work[e].from, work[e].to, i, &p->triangles[p->n_triangles])) p->n_triangles++;
  }
}

/* A triangle far around all positions. */
static void surround(sp_plane *p) {
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (uint32_t i = 0; i < p->n; i++) {
    for (int k = 0; k < 2; k++) {
      low[k] = fmin(low[k], p->position[i][k]);
      high[k] = fmax(high[k], p->position[i][k]);
    }
  }
  const double size = 2000 * fmax(fmax(high[0] - low[0], high[1] - low[1]), 1);
  const double x = 0.5 * (low[0] + high[0]), y = 0.5 * (low[1] + high[1]);
  const double corner[3][2] = {
      {x - size, y - 0.7 * size}, {x + 1.1 * size, y - 0.6 * size}, {x + 0.1 * size, y + size}};
  memcpy(p->position[p->n], corner, sizeof corner);
  make_triangle(p, p->n, p->n + 1, p->n + 2, &p->triangles[0]);
  p->n_triangles = 1;
}

/* Positions on one line: edges from each to the next along it. */
static void make_line(sp_plane *p) {
  uint32_t *order = p->at; /* of no use for a grid here */
  double far = -1;
  uint32_t end = 0;
  for (uint32_t i = 1; i < p->n; i++) {
    const double d = hypot(p->position[i][0] - p->position[0][0], p->position[i][1] - p->position[0][1]);
    if (d > far) far = d, end = i;
  }
  const double dx = p->position[end][0] - p->position[0][0], dy = p->position[end][1] - p->position[0][1];
  for (uint32_t i = 0; i < p->n; i++) {
    uint32_t at = i;
    const double along = p->position[i][0] * dx + p->position[i][1] * dy;
    for (; at > 0 && p->position[order[at - 1]][0] * dx + p->position[order[at - 1]][1] * dy > along; at--) {
      order[at] = order[at - 1];
    }
    order[at] = i;
  }
  for (uint32_t i = 0; i + 1 < p->n; i++) p->edges[p->n_edges++] = (edge){order[i], order[i + 1]};
}

static sp_status triangulate(sp_plane *p) {
  const size_t most = 2 * (size_t)p->n + 8;
  edge *work = NULL;
  SP_TRY(sp_alloc(most * sizeof(triangle), "triangles of velocities", &p->triangles));
  SP_TRY(sp_alloc(3 * most * sizeof(edge), "edges of velocities", &p->edges));
  SP_TRY(sp_alloc(3 * most * sizeof(edge), "edges of velocities", &work));
  surround(p);
  for (uint32_t i = 0; i < p->n; i++) add_position(p, i, work);
  uint32_t kept = 0, n_edges = 0;
  for (uint32_t k = 0; k < p->n_triangles; k++) {
    const triangle *t = &p->triangles[k];
    if (t->corner[0] >= p->n || t->corner[1] >= p->n || t->corner[2] >= p->n) continue;
    p->triangles[kept++] = *t;
  }
  p->n_triangles = kept;
  for (uint32_t k = 0; k < kept; k++) {
    for (int c = 0; c < 3; c++) {
      p->edges[n_edges++] = (edge){p->triangles[k].corner[c], p->triangles[k].corner[(c + 1) % 3]};
    }
  }
  p->n_edges = keep_single(p->edges, n_edges);
  if (kept == 0) make_line(p);
  sp_free(work);
  return SP_SUCCESS;
}

static bool inside(const sp_plane *p, const triangle *t, const double point[2], sp_plane_weights *w) {
  const double *a = p->position[t->corner[0]], *b = p->position[t->corner[1]], *c = p->position[t->corner[2]];
  const double whole = turn(a, b, c), wa = turn(point, b, c), wb = turn(a, point, c), wc = whole - wa - wb;
  if (wa < 0 || wb < 0 || wc < 0) return false;
  *w = (sp_plane_weights){3, {t->corner[0], t->corner[1], t->corner[2]}, {wa / whole, wb / whole, wc / whole}};
  return true;
}

static void nearest_on_edges(const sp_plane *p, const double point[2], sp_plane_weights *w) {
  double least = INFINITY;
  *w = (sp_plane_weights){1, {0}, {1}};
  for (uint32_t e = 0; e < p->n_edges; e++) {
    const double *a = p->position[p->edges[e].from], *b = p->position[p->edges[e].to];
    const double x = b[0] - a[0], y = b[1] - a[1];
    const double f = fmin(fmax(((point[0] - a[0]) * x + (point[1] - a[1]) * y) / (x * x + y * y), 0), 1);
    const double distance = hypot(point[0] - a[0] - f * x, point[1] - a[1] - f * y);
    if (distance >= least) continue;
    least = distance;
    *w = (sp_plane_weights){2, {p->edges[e].from, p->edges[e].to}, {1 - f, f}};
  }
}

/* --- a plane ------------------------------------------------------------------------------------------------------ */

sp_status sp_plane_create(uint32_t n, const double (*position)[2], sp_plane **out) {
  sp_plane *p = NULL;
  sp_status status = sp_calloc(1, sizeof *p, "positions of velocities", &p);
  if (status != SP_SUCCESS) return status;
  p->n = n;
  SP_TRY_GOTO(fail, sp_alloc((n + 3) * sizeof *p->position, "positions of velocities", &p->position));
  memcpy(p->position, position, n * sizeof *p->position);
  SP_TRY_GOTO(fail, make_grid(p));
  if (!p->n_x && n > SP_PLANE_MOST_FREE) {
    status =
        SP_RAISE(SP_ERR_INPUT, "velocities at %u positions that form no grid along the image's axes, allowed are %d", n,
                 SP_PLANE_MOST_FREE);
    goto fail;
  }
  if (!p->n_x) SP_TRY_GOTO(fail, triangulate(p));
  *out = p;
  return SP_SUCCESS;
fail:
  sp_plane_destroy(p);
  return status;
}

void sp_plane_destroy(sp_plane *p) {
  if (!p) return;
  sp_free(p->position);
  sp_free(p->x);
  sp_free(p->y);
  sp_free(p->at);
  sp_free(p->triangles);
  sp_free(p->edges);
  sp_free(p);
}

uint32_t sp_plane_crc(const sp_plane *p, uint32_t crc) {
  return sp_crc32c(crc, p->position, p->n * sizeof *p->position);
}

void sp_plane_at(const sp_plane *p, const double point[2], sp_plane_weights *w) {
  if (p->n_x) {
    grid_at(p, point, w);
    return;
  }
  for (uint32_t k = 0; k < p->n_triangles; k++) {
    if (inside(p, &p->triangles[k], point, w)) return;
  }
  nearest_on_edges(p, point, w);
}
