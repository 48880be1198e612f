#define ROW_OPS sp_synth_ops_portable
#include "src/synth/rows_body.h"
