#define ROW_OPS sp_synth_ops_avx512
#include "src/synth/rows_body.h"
